"""What a person sees of a batch in the Prefect UI: its progress, and a table of what was wrong."""

from uuid import UUID

from prefect.artifacts import (
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from models.results import BulkResult


def start_progress(reference: str) -> UUID:
    """An artifact that shows how far the batch is."""
    created = create_progress_artifact(0.0, description=f"Batch {reference}")
    assert isinstance(created, UUID)
    return created


def show_progress(artifact: UUID, done: int, total: int) -> None:
    update_progress_artifact(artifact, progress=100.0 * done / total if total else 100.0)


def show_errors(result: BulkResult) -> None:
    """A table of the kinds of error in the batch, with how many and an example order each."""
    counts = (
        f"{result.completed} of {result.orders_count} orders copied "
        f"({result.completed_with_errors} with something left out), {result.failed} failed, "
        f"{result.pending + result.in_progress} unfinished"
    )
    create_table_artifact(
        table=[error.model_dump(mode="json") for error in result.errors],
        key="bulk-order-factory-errors",
        description=f"Batch {result.reference}: {counts}.",
    )
