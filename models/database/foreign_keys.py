"""Check foreign keys in the inserting statement, instead of one query per row and key.

For each row and foreign key, PostgreSQL queries whether the referenced row exists, and locks that
row (FOR KEY SHARE) until the transaction ends. A statement that reads the referenced rows can lock
them as it reads. Rows that the same transaction has inserted cannot disappear. So the guarantee is
the same. For the lines of an order, PostgreSQL's queries take three times as long as everything
else.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Table, bindparam, text

from order_factory.models.database.dialects import on_sqlite

# `has_parameter_privilege` is as old as the privilege to set one parameter: PostgreSQL 15.
_MAY = text("SELECT has_parameter_privilege('session_replication_role', 'SET')")
_IS_SUPERUSER = text("SELECT current_setting('is_superuser') = 'on'")
# Whether nothing would be skipped but the foreign keys that the statement answers for: no trigger
# or rule of the shop's own, no constraint that our schema does not have.
_ONLY_OURS = text("""
SELECT current_setting('session_replication_role') = 'origin' AND NOT EXISTS (
    SELECT FROM pg_trigger t LEFT JOIN pg_constraint c ON c.oid = t.tgconstraint
    WHERE t.tgrelid = CAST(:written AS regclass)
      AND (c.contype IS DISTINCT FROM 'f'
           OR (c.conrelid = t.tgrelid AND c.conname NOT IN :ours))
) AND NOT EXISTS (SELECT FROM pg_rewrite WHERE ev_class = CAST(:written AS regclass))
""").bindparams(bindparam("ours", expanding=True))
_SET_ROLE = text("SELECT set_config('session_replication_role', :role, true)")


@contextmanager
def skipping_key_checks(db: Connection, written: Table, *, few: bool = False) -> Iterator[bool]:
    """Skip the per-row foreign-key checks while inserting into `written`.

    Yields True if the checks are off. The caller's statement must then lock the rows that it reads
    and refers to, and may otherwise refer only to rows of its own transaction. Yields False if the
    database checks row by row: on SQLite, if this role may not change it, if the table has triggers
    that are not ours, and for `few` rows, which are checked faster than all this is found out.
    """
    if few or on_sqlite(db) or not holds_references(db, written):
        yield False
        return
    db.execute(_SET_ROLE, {"role": "replica"})
    yield True
    # Where the statement fails, rolling back to its savepoint does the same.
    db.execute(_SET_ROLE, {"role": "origin"})


def holds_references(db: Connection, written: Table) -> bool:
    """Whether PostgreSQL lets this role skip the foreign-key checks of the table."""
    newer = (db.dialect.server_version_info or (0,)) >= (15,)
    if not db.scalar(_MAY if newer else _IS_SUPERUSER):
        return False
    ours = [str(key.name) for key in written.foreign_key_constraints]
    return bool(db.scalar(_ONLY_OURS, {"written": written.name, "ours": ours}))
