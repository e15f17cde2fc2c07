"""The log of a run, as the Prefect UI shows it."""

from prefect import get_run_logger
from prefect.exceptions import MissingContextError


def log_line(line: str) -> None:
    """Write a line into the log of the current run. Outside a run, nothing is written."""
    try:
        logger = get_run_logger()
    except MissingContextError:
        return
    logger.info(line)
