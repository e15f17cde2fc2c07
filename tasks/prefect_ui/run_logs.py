"""The log of a run, as the Prefect UI shows it: one line a step, with numbers and nothing else."""

from prefect import get_run_logger
from prefect.exceptions import MissingContextError


def log_step(name: str, rows: int) -> None:
    """Say that a step is done, and for how many rows; outside a run, nothing is said."""
    try:
        logger = get_run_logger()
    except MissingContextError:
        return
    logger.info("%s: %s %s", name, f"{rows:,}", "row" if rows == 1 else "rows")
