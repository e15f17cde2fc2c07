"""The temporary tables of a connection: create them, empty them, and read their sizes."""

from collections.abc import Sequence
from functools import cache

from sqlalchemy import (
    BigInteger,
    Connection,
    MetaData,
    Select,
    String,
    Table,
    column,
    delete,
    func,
    literal,
    null,
    select,
    table,
    text,
)
from sqlalchemy.schema import CreateTable

from order_factory.models.database.dialects import on_sqlite

# PostgreSQL never vacuums temporary tables, so larger ones are truncated. For small ones DELETE
# is faster.
_DELETED_BYTES = 128 * 1024
_SQLITE_TABLES = table("sqlite_temp_master", column("name", String))
_POSTGRES_TABLES = table(
    "pg_class", column("oid"), column("relname", String), column("relnamespace")
)


def open_tables(db: Connection, metadata: MetaData) -> None:
    """Create these temporary tables, or empty those that the connection has."""
    tables = metadata.sorted_tables
    sizes = read_table_sizes(db, tables)
    for each in tables:
        if each.name not in sizes:
            db.execute(CreateTable(each))
    filled = [each for each in tables if sizes.get(each.name, 0) != 0]
    large = [each for each in filled if (sizes[each.name] or 0) > _DELETED_BYTES]
    if large:
        db.execute(text(f"TRUNCATE {', '.join(each.name for each in large)}"))
    delete_all_rows(db, [each for each in filled if each not in large])


def read_table_sizes(db: Connection, tables: Sequence[Table]) -> dict[str, int | None]:
    """Return the sizes in bytes of those temporary tables that the connection has, by name.

    On SQLite the sizes are None.
    """
    names = [each.name for each in tables]
    if on_sqlite(db):
        name = _SQLITE_TABLES.c.name
        return dict(db.execute(select(name, null()).where(name.in_(names))).tuples().all())
    known = _POSTGRES_TABLES.c
    is_own = known.relnamespace == func.pg_my_temp_schema()
    size = func.pg_relation_size(known.oid, type_=BigInteger)
    rows = select(known.relname, size).where(is_own, known.relname.in_(names))
    return dict(db.execute(rows).tuples().all())


def delete_all_rows(db: Connection, tables: Sequence[Table]) -> None:
    """Delete all rows of these tables, on PostgreSQL in one statement."""
    if on_sqlite(db):
        for each in tables:
            db.execute(delete(each))
    elif tables:
        db.execute(_delete_from_all(tuple(tables)))


@cache
def _delete_from_all(tables: tuple[Table, ...]) -> Select[tuple[int]]:
    """Build one statement for all tables: each statement costs a round trip on PostgreSQL."""
    deleted = (delete(each).cte(f"deleted_{each.name}") for each in tables)
    return select(literal(1)).add_cte(*deleted)
