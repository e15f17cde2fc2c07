"""The common part of the flows that export."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from order_factory.models.database.retrying import retry_transient
from order_factory.models.database.snapshots import snapshot
from order_factory.tasks.export_file import export_file
from order_factory.tasks.exports.selecting import Selection, select_export
from order_factory.tasks.exports.writing import ExportRun


def select_by_filters(
    resource: str,
    mode: str,
    include: Sequence[str],
    filters: Mapping[str, Any],
    *,
    fields: Sequence[str] = (),
    dry: bool = False,
) -> Selection:
    """The rows that match the filters, and the included resources. Raises `InvalidRequest`."""
    # This imports the resources of the API, which takes half a second, and few runs need them.
    from order_factory.api.export_filters import filter_records

    condition = filter_records(resource, filters, mode)
    return select_export(resource, mode, include, condition, fields=fields, dry=dry)


def write_export(run: ExportRun, is_stopped: Callable[[], bool]) -> bool:
    """Write the missing rows, again after a passing fault; whether all are written.

    All rows are of one moment, unless the connection is lost meanwhile.
    """

    def write_files() -> bool:
        with snapshot() as db:
            run.begin(db)
            for resource in run.resources:
                run.count(db, resource)
            for resource in run.resources:
                if not run.is_done(resource) and not export_file(db, run, resource, is_stopped):
                    return False
        return True

    return retry_transient(write_files)
