"""The service's log: one JSON object on each line, on stderr, without personal data.

Paths are logged without their query, which may contain an email. Failures are logged without their
message, which may quote a row.
"""

import logging
import sys
import traceback
from datetime import UTC, datetime

import orjson

_LOGGER = "order_factory"
_FIELDS = (
    "request_id",
    "caller",
    "method",
    "path",
    "status",
    "milliseconds",
    "closed",
    "flow_run",
    "failure",
    "notified",
)


class _AsJson(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        given = record.__dict__
        line |= {name: given[name] for name in _FIELDS if name in given}
        return orjson.dumps(line).decode()


def describe_failure(error: BaseException) -> str:
    """Return the kind of an error and its place in the code, without its message."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    places = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))
    return f"{type(error).__name__} at {places}"


def set_up_logs() -> None:
    """Write the service's own log as JSON, and uvicorn's log only from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_AsJson())
    own = logging.getLogger(_LOGGER)
    own.handlers, own.propagate = [handler], False
    own.setLevel(logging.INFO)
