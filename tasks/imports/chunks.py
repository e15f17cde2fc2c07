"""Importing one chunk of a file, in one transaction."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy.exc import DataError, IntegrityError

from order_factory.models.database.engine import begin
from order_factory.models.database.transient import without_values
from order_factory.models.tables.base import utc_now
from order_factory.models.values.statuses import Mode
from order_factory.tasks.imports.dialects import one_import_at_a_time
from order_factory.tasks.imports.inserting import find_contradictions, insert_new_rows
from order_factory.tasks.imports.rejects import Reject
from order_factory.tasks.imports.resources import Resource
from order_factory.tasks.imports.staging import resolve_references, stage

Rows = Sequence[dict[str, Any]]


class ChunkResult(NamedTuple):
    imported: int
    rejects: list[Reject]


def import_chunk(resource: Resource, rows: Rows, mode: Mode) -> ChunkResult:
    """Insert what is not there yet, all in one transaction; how many, and what was rejected.

    A row that the database refuses is found by halving, and rejected: it takes no other row with
    it. Other database errors are raised, and nothing of the chunk was written.
    """
    if not rows:
        return ChunkResult(0, [])
    try:
        return _import_at_once(resource, rows, mode)
    except (DataError, IntegrityError) as error:
        if len(rows) == 1:
            message = f"was refused by the database ({without_values(error)})"
            return ChunkResult(0, [Reject(rows[0]["line"], "", message)])
    middle = len(rows) // 2
    first = import_chunk(resource, rows[:middle], mode)
    second = import_chunk(resource, rows[middle:], mode)
    return ChunkResult(first.imported + second.imported, first.rejects + second.rejects)


def _import_at_once(resource: Resource, rows: Rows, mode: Mode) -> ChunkResult:
    with begin() as db:
        one_import_at_a_time(db)
        stage(db, resource, rows)
        rejects = resolve_references(db, resource, mode)
        imported = db.execute(insert_new_rows(db, resource, mode, utc_now())).rowcount
        if imported + len({each.line for each in rejects}) < len(rows):
            rejects += find_contradictions(db, resource, mode)
    return ChunkResult(imported, rejects)
