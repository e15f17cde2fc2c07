"""Check foreign keys in the inserting statement, instead of one query per row and key.

For each row and foreign key, PostgreSQL checks with a query that the referenced row exists, and
locks that row (FOR KEY SHARE) until the transaction ends. A statement that reads the referenced
rows can lock them as it reads. Rows that the same transaction has inserted cannot disappear. So the
guarantee is the same. For order lines, PostgreSQL's queries take three times as long as all else.

Locking each source line would write a third as much as the copies themselves. So a copy does not
lock the lines of its source order. Instead, a trigger delays the deletion of a line until the copies
of its order have ended. This works because a copy is claimed before it reads the lines, and its row
in `order_factories` stays locked until its transaction ends.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Table,
    and_,
    func,
    select,
    text,
)

from order_factory.models.database.dialects import on_sqlite

# `has_parameter_privilege` is as old as the privilege to set one parameter: PostgreSQL 15.
_IS_GRANTED = "has_parameter_privilege('session_replication_role', 'SET')"
_IS_SUPERUSER = "current_setting('is_superuser') = 'on'"
# The triggers that protect what the rows of a table refer to.
_PROTECTING = {"line_items": "lock_copies_of_line"}
# It skips the checks if this role is allowed to, and if only our own foreign keys would be skipped:
# the tables have no trigger, rule or constraint that is not in our schema, and our triggers are on.
_SKIP = """
SELECT CASE WHEN {may} AND current_setting('session_replication_role') = 'origin'
    AND NOT EXISTS (
        SELECT FROM pg_trigger t LEFT JOIN pg_constraint c ON c.oid = t.tgconstraint
        WHERE t.tgrelid = ANY (CAST(:written AS regclass[]))
          AND t.tgname <> ALL (CAST(:protecting AS text[]))
          AND (c.contype IS DISTINCT FROM 'f'
               OR (c.conrelid = t.tgrelid AND c.conname <> ALL (CAST(:ours AS text[]))))
    )
    AND NOT EXISTS (
        SELECT FROM pg_rewrite WHERE ev_class = ANY (CAST(:written AS regclass[]))
    )
    AND cardinality(CAST(:protecting AS text[])) = (
        SELECT count(*) FROM pg_trigger
        WHERE tgrelid = ANY (CAST(:written AS regclass[]))
          AND tgname = ANY (CAST(:protecting AS text[])) AND tgenabled IN ('O', 'A')
    )
    THEN set_config('session_replication_role', 'replica', true) END
"""
_SKIP_IF_GRANTED, _SKIP_IF_SUPERUSER = (
    text(_SKIP.format(may=may)) for may in (_IS_GRANTED, _IS_SUPERUSER)
)
_CHECK_AGAIN = text("SELECT set_config('session_replication_role', 'origin', true)")


@contextmanager
def skipping_key_checks(db: Connection, *written: Table, few: bool = False) -> Iterator[bool]:
    """Skip the per-row foreign-key checks while inserting into the `written` tables.

    Yields True if the checks are off. Then the statements may refer only to rows that they lock as
    they read them, that `lock_referenced` has locked, that their own transaction has written or
    locked, or that are lines of orders whose copies it has claimed.

    Yields False if the database checks row by row: on SQLite, if this role is not allowed to change
    that, if a table has triggers that are not ours, and for `few` rows, where it is faster.
    """
    if few or on_sqlite(db) or not _skip(db, written):
        yield False
        return
    yield True
    # If a statement fails, the rollback to its savepoint does the same.
    db.execute(_CHECK_AGAIN)


def _skip(db: Connection, written: Sequence[Table]) -> bool:
    newer = (db.dialect.server_version_info or (0,)) >= (15,)
    ours = [str(key.name) for each in written for key in each.foreign_key_constraints]
    protecting = [_PROTECTING[each.name] for each in written if each.name in _PROTECTING]
    names = {
        "written": [each.name for each in written],
        "ours": ours,
        "protecting": protecting,
    }
    return db.scalar(_SKIP_IF_GRANTED if newer else _SKIP_IF_SUPERUSER, names) is not None


def lock_referenced(
    db: Connection,
    rows: FromClause,
    *where: ColumnElement[bool],
    keys: Sequence[Column[int]],
    **parameters: Any,
) -> bool:
    """Lock the rows to which these foreign keys refer, so that they cannot be deleted.

    Returns whether all of them exist. PostgreSQL does the same for each single row. The statement
    is cached, so values that change from call to call must be parameters.
    """
    return bool(db.scalar(_lock_referenced(rows, where, tuple(keys)), parameters))


@cache
def _lock_referenced(
    rows: FromClause, where: tuple[ColumnElement[bool], ...], keys: tuple[Column[int], ...]
) -> Select[tuple[bool]]:
    written = select(*(key.label(key.key) for key in keys)).select_from(rows).where(*where)
    referring = written.cte("referring")
    all_exist = []
    for key in keys:
        (reference,) = key.foreign_keys
        values = referring.c[key.key]
        referred = select(reference.column).where(reference.column.in_(select(values)))
        locked = referred.with_for_update(read=True, key_share=True).subquery()
        existing = select(func.count()).select_from(locked).scalar_subquery()
        wanted = select(func.count(values.distinct())).scalar_subquery()
        all_exist.append(existing == wanted)
    return select(and_(*all_exist))
