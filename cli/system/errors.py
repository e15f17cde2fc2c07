"""Why a system is not started, or ends."""

from order_factory.models.errors import OrderFactoryError


class SystemRunning(OrderFactoryError):
    """Takes the number of the process that runs it."""

    status, code = 409, "system_running"
    detail = (
        "The system of this folder is running already (process {}); `order-factory status` shows "
        "it, `order-factory down` ends it."
    )


class PortTaken(OrderFactoryError):
    """Takes the port, what would listen there, and the option that names another one."""

    status, code = 409, "port_taken"
    detail = "Port {} is taken, and {} would listen there; give another one with {}."


class PartFailed(OrderFactoryError):
    """Takes the name of a part and what became of it."""

    status, code = 503, "part_failed"
    detail = "{} {}; what it said last stands above. The system was ended."


class ExtraMissing(OrderFactoryError):
    status, code = 503, "extra_missing"
    detail = (
        "The embedded PostgreSQL is not installed; run `pip install 'order-factory[postgres]'`, "
        "or set ORDER_FACTORY_DATABASE_URL and PREFECT_API_DATABASE_CONNECTION_URL."
    )
