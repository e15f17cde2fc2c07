"""The errors that keep a system from starting, or end it."""

from order_factory.models.errors import OrderFactoryError


class SystemRunning(OrderFactoryError):
    """The system runs already. Argument: the id of its process."""

    status, code = 409, "system_running"
    detail = (
        "The system of this folder is running already (process {}). See it with "
        "`order-factory status`, or end it with `order-factory down`."
    )


class PortTaken(OrderFactoryError):
    """A port is in use. Arguments: the port, the part that needs it, the option for another one."""

    status, code = 409, "port_taken"
    detail = "Port {} is in use, but {} needs it. Choose another port with {}."


class PartFailed(OrderFactoryError):
    """A part of the system failed. Arguments: its name and how it ended."""

    status, code = 503, "part_failed"
    detail = "{} {}. See its last output above. The system was ended."


class ExtraMissing(OrderFactoryError):
    status, code = 503, "extra_missing"
    detail = (
        "The embedded PostgreSQL is not installed. Run `pip install 'order-factory[postgres]'`, "
        "or set ORDER_FACTORY_DATABASE_URL and PREFECT_API_DATABASE_CONNECTION_URL."
    )
