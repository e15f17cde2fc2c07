"""Report the progress of a file to listeners and on the flow run's page."""

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
        """Report the number of rows read so far. A text file may have fewer rows than lines."""
        self._report(rows, max(rows, self._expected))

    def finish(self, rows: int) -> None:
        """Report that all rows are read."""
        self._report(rows, rows)

    def _report(self, rows: int, total: int) -> None:
        report_progress(self._step, rows, total)
        show_progress(self._artifact, rows, total)


def _new_artifact(step: str) -> UUID | None:
    # The artifacts page lists only artifacts with a key, which has letters, digits and dashes.
    key = re.sub(r"[^a-z0-9]+", "-", step.lower()).strip("-")
    return start_progress(step, key)
