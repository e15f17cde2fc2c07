"""How far an import is: told to whoever listens, and shown on the flow run's page."""

import re
from typing import cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.context import FlowRunContext

from order_factory.models.results.progress import report_progress


class FileProgress:
    """The progress of one file; outside a flow run nothing is sent to Prefect."""

    def __init__(self, name: str, expected_rows: int) -> None:
        self._step = f"import {name}"
        self._expected = expected_rows
        self._artifact = _new_artifact(self._step) if FlowRunContext.get() is not None else None
        report_progress(self._step, 0, expected_rows)

    def show(self, rows: int) -> None:
        """So many rows are read; text files may hold fewer rows than lines."""
        self._tell(rows, max(rows, self._expected))

    def finish(self, rows: int) -> None:
        """All rows are read, and there were so many."""
        self._tell(rows, rows)

    def _tell(self, rows: int, of: int) -> None:
        report_progress(self._step, rows, of)
        if self._artifact is not None:
            update_progress_artifact(self._artifact, progress=100.0 * rows / of if of else 100.0)


def _new_artifact(step: str) -> UUID:
    # Only what has a key is listed on the artifacts page; a key is letters, digits and dashes.
    key = re.sub(r"[^a-z0-9]+", "-", step.lower()).strip("-")
    made = create_progress_artifact(progress=0.0, key=key, description=step)
    return cast(UUID, made)
