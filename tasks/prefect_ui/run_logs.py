"""The log of a run, as the Prefect UI shows it."""

import sys


def log_line(line: str) -> None:
    """Write a line into the log of the current run. Outside a run, nothing is written."""
    # A command that only checks its input does not wait for the import of Prefect.
    if "prefect" not in sys.modules:
        return
    from prefect import get_run_logger
    from prefect.exceptions import MissingContextError

    try:
        logger = get_run_logger()
    except MissingContextError:
        return
    logger.info(line)
