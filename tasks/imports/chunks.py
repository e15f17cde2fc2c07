"""Import one chunk of a file in one transaction."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, IntegrityError

from order_factory.models.database.engine import begin
from order_factory.models.database.row_locks import lock_imports
from order_factory.models.database.transient import without_values
from order_factory.models.tables.base import utc_now
from order_factory.models.values.statuses import Mode
from order_factory.tasks.imports.inserting import insert_staged_rows
from order_factory.tasks.imports.refreshing import (
    count_changes,
    describe_differences,
    find_differences,
    update_rows,
)
from order_factory.tasks.imports.rejects import Reject
from order_factory.tasks.imports.resources import Resource
from order_factory.tasks.imports.staging import resolve_references, stage

Rows = Sequence[dict[str, Any]]
Refuse = Callable[[Connection], list[Reject]]


@dataclass(frozen=True)
class ChunkResult:
    """The outcome of a chunk: the numbers of inserted and updated rows, and the rejects.

    `changes` counts the updated rows by column. `different` lists existing rows with other values
    that were not updated, and `rejects` the rows that cannot be imported.
    """

    imported: int = 0
    updated: int = 0
    changes: Counter[str] = field(default_factory=Counter)
    different: list[Reject] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)

    def plus(self, other: Self) -> Self:
        return replace(
            self,
            imported=self.imported + other.imported,
            updated=self.updated + other.updated,
            changes=self.changes + other.changes,
            different=[*self.different, *other.different],
            rejects=[*self.rejects, *other.rejects],
        )


def import_chunk(
    resource: Resource, rows: Rows, mode: Mode, take_over_changes: bool = False
) -> ChunkResult:
    """Insert the new rows, and update existing rows on request, in one transaction.

    If the database refuses a row, halving finds it, and only that row is rejected. Other database
    errors are raised, and nothing of the chunk is written.
    """
    if not rows:
        return ChunkResult()
    try:
        with begin() as db:
            lock_imports(db)
            return import_rows(db, resource, rows, mode, take_over_changes)
    except (DataError, IntegrityError) as error:
        if len(rows) == 1:
            message = f"was refused by the database ({without_values(error)})"
            return ChunkResult(rejects=[Reject(rows[0]["line"], "", message)])
    middle = len(rows) // 2
    first = import_chunk(resource, rows[:middle], mode, take_over_changes)
    second = import_chunk(resource, rows[middle:], mode, take_over_changes)
    return first.plus(second)


def import_rows(
    db: Connection,
    resource: Resource,
    rows: Rows,
    mode: Mode,
    take_over_changes: bool = False,
    *,
    keep: bool = False,
    refuse: Refuse | None = None,
) -> ChunkResult:
    """Insert the new rows, and update existing rows on request.

    With `keep`, existing rows are not compared and stay as they are. `refuse` removes staged rows
    before anything is inserted, and returns their rejects.
    """
    stage(db, resource, rows)
    rejects = resolve_references(db, resource, mode)
    rejects += refuse(db) if refuse is not None else []
    imported = db.execute(insert_staged_rows(db, resource, mode, utc_now())).rowcount
    if keep or imported + len({each.line for each in rejects}) >= len(rows):
        return ChunkResult(imported, rejects=rejects)
    differences = find_differences(db, resource, mode)
    fixed = [each for each in differences if each.is_history or each.is_repeated]
    changed = [each for each in differences if not (each.is_history or each.is_repeated)]
    rejects += describe_differences(fixed)
    if not take_over_changes:
        different = describe_differences(changed)
        return ChunkResult(imported, different=different, rejects=rejects)
    updated = db.execute(update_rows(resource, mode, utc_now())).rowcount if changed else 0
    return ChunkResult(imported, updated, count_changes(changed), rejects=rejects)
