"""Keep stack traces of expected failures out of the log of a worker and of a run."""

import logging

from order_factory.models.errors import OrderFactoryError

# Prefect logs the exception of a run on a worker with these loggers.
_LOGGERS = ("prefect.flow_runs", "prefect.engine")


class _WithoutExpected(logging.Filter):
    """Drops the stack trace of an `OrderFactoryError`, because the state's message is enough."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, OrderFactoryError)


def hide_expected_stack_traces() -> None:
    """Drop these stack traces in this process; a repeated call changes nothing."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(each, _WithoutExpected) for each in logger.filters):
            logger.addFilter(_WithoutExpected())
