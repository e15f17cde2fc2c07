"""Reporting the progress of a file, to listeners and on the page of the flow run."""

import re
from uuid import UUID

from prefect.context import FlowRunContext

from order_factory.models.results.progress import report_progress
from order_factory.tasks.prefect_ui.artifacts import show_progress, start_progress


class FileProgress:
    """The progress of one file; outside a flow run nothing is sent to Prefect."""

    def __init__(self, step: str, expected_rows: int) -> None:
        self._step = step
        self._expected = expected_rows
        self._artifact = _new_artifact(self._step) if FlowRunContext.get() is not None else None
        report_progress(self._step, 0, expected_rows)

    def show(self, rows: int) -> None:
        """So many rows are read; text files may hold fewer rows than lines."""
        self._tell(rows, max(rows, self._expected))

    def finish(self, rows: int) -> None:
        """Report that all rows are read, and their number."""
        self._tell(rows, rows)

    def _tell(self, rows: int, of: int) -> None:
        report_progress(self._step, rows, of)
        show_progress(self._artifact, rows, of)


def _new_artifact(step: str) -> UUID | None:
    # Only what has a key is listed on the artifacts page; a key is letters, digits and dashes.
    key = re.sub(r"[^a-z0-9]+", "-", step.lower()).strip("-")
    return start_progress(step, key)
