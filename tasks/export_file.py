"""Export one resource: read and write its rows in chunks."""

from collections.abc import Callable

from prefect import task
from prefect.cache_policies import NO_CACHE
from sqlalchemy import Connection

from order_factory.tasks.exports.resources import ExportResource
from order_factory.tasks.exports.writing import ExportRun
from order_factory.tasks.imports.progress import FileProgress


@task(task_run_name="export {resource.name}", cache_policy=NO_CACHE)
def export_file(
    db: Connection, run: ExportRun, resource: ExportResource, is_stopped: Callable[[], bool]
) -> bool:
    """Write the rows of a resource, or the rest of them. Returns whether all rows are written."""
    progress = FileProgress(f"export {resource.name}", run.count(db, resource))

    def on_chunk(records: int) -> bool:
        progress.show(records)
        return is_stopped()

    if not run.write_file(db, resource, on_chunk):
        return False
    progress.finish(run.count_records(resource))
    return True
