"""Exporting in tests, without Prefect."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from order_factory.api.export_filters import filter_records
from order_factory.models.database.snapshots import snapshot
from order_factory.models.values.statuses import Mode
from order_factory.tasks.exports.checkpoints import digest_selection
from order_factory.tasks.exports.formats import find_format
from order_factory.tasks.exports.places import find_place
from order_factory.tasks.exports.selecting import select_export
from order_factory.tasks.exports.writing import ExportRun


def export(
    resource: str,
    path: Path,
    *,
    include: Sequence[str] = (),
    format: str | None = None,
    mode: Mode = Mode.LIVE,
    on_chunk: Callable[[int], bool] = lambda _records: False,
    **filters: Any,
) -> dict[str, int]:
    """Export as the flow does; returns the number of written records by resource."""
    selection = select_export(resource, mode, include, filter_records(resource, filters, mode))
    place, name = find_place(str(path), format, len(selection.resources))
    with place.hold():
        checkpoint = place.read_checkpoint(digest_selection({"of": resource, "as": name}))
        run = ExportRun(selection, place, find_format(name), checkpoint)
        with snapshot() as db:
            run.begin(db)
            for each in run.resources:
                if not run.is_done(each) and not run.write_file(db, each, on_chunk):
                    return {each.name: run.count_records(each) for each in run.resources}
        run.finish()
    return {each.name: run.count_records(each) for each in run.resources}
