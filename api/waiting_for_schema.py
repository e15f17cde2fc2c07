"""The threads of the service begin once the database has the schema that they read."""

import logging
from threading import Event

from order_factory.models.database.schema import require_schema
from order_factory.models.errors import DatabaseNotReady

_SECONDS_BETWEEN_LOOKS = 2.0


def wait_for_schema(ending: Event, log: logging.Logger) -> bool:
    """Wait until the schema is the newest; log once why not. Returns whether the service goes on."""
    waits = False
    while not ending.is_set():
        try:
            require_schema()
        except DatabaseNotReady as error:
            if not waits:
                log.warning("waits for the database", extra={"failure": str(error)})
            waits = True
        except Exception:  # noqa: BLE001  (the work itself says what is wrong)
            return True
        else:
            return True
        ending.wait(_SECONDS_BETWEEN_LOOKS)
    return False
