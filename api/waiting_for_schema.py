"""Wait for the newest schema: the threads of the service begin once the database has it."""

import logging
from threading import Event

from order_factory.models.database.schema import require_schema
from order_factory.models.errors import DatabaseNotReady

_SECONDS_BETWEEN_LOOKS = 2.0


def wait_for_schema(ending: Event, log: logging.Logger) -> bool:
    """Wait until the schema is the newest; log the reason once. Returns False if the service ends."""
    waits = False
    while not ending.is_set():
        try:
            require_schema()
        except DatabaseNotReady as error:
            if not waits:
                log.warning("waiting for the database", extra={"failure": str(error)})
            waits = True
        except Exception:  # noqa: BLE001  (the work itself reports the problem)
            return True
        else:
            return True
        ending.wait(_SECONDS_BETWEEN_LOOKS)
    return False
