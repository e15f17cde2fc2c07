"""The staging table: the rows of a chunk, with the ids of the rows that they name."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    MetaData,
    Table,
    Text,
    delete,
    insert,
    or_,
    select,
    update,
)

from order_factory.models.database.dialects import analyze_table
from order_factory.models.database.temporary_tables import open_tables
from order_factory.models.tables import Order
from order_factory.tasks.imports.rejects import Reject
from order_factory.tasks.imports.resources import RESOURCES, Resource, given_column
from order_factory.tasks.working_set.statements import table_of
from order_factory.tasks.working_set.tables import temporary

_orders = table_of(Order)


@cache
def staging_table(resource_name: str) -> Table:
    """`line`, the file's columns, and one column for the id of each row that the row names.

    Temporary: it belongs to the connection, and each transaction finds it empty.
    """
    resource = RESOURCES[resource_name]
    columns: list[Column[Any]] = [Column("line", BigInteger, primary_key=True, autoincrement=False)]
    for name in resource.columns:
        stored = resource.table.c.get(name)
        columns.append(Column(name, Text() if stored is None else stored.type))
    for name in resource.defaults:
        stored = resource.table.c[name]
        columns.append(Column(given_column(name), stored.type))
    columns += [Column(name, Text()) for name in resource.compared_by]
    for reference in resource.references:
        columns.append(Column(reference.target, BigInteger))
    return temporary(MetaData(), f"of_import_{resource_name}", *columns)


def stage(db: Connection, resource: Resource, rows: Sequence[dict[str, Any]]) -> None:
    """Put the rows, dicts of all the columns and `line`, into an emptied staging table."""
    staged = staging_table(resource.name)
    open_tables(db, staged.metadata)
    db.execute(insert(staged), rows)
    # Without the ids of the rows that they name, which are not there yet.
    analyze_table(db, staged)


def resolve_references(db: Connection, resource: Resource, mode: str) -> list[Reject]:
    """Look up the rows that the staged rows name; remove and return those with unknown names."""
    if not resource.references:
        return []
    staged = staging_table(resource.name)
    found = {each.target: each.find(staged, mode) for each in resource.references}
    db.execute(update(staged).values(found))
    # Counted before, the ids were all empty, and PostgreSQL joined each line with its whole order.
    analyze_table(db, staged)
    rejects, unknown = [], []
    for each in resource.references:
        named_none = staged.c[each.column].is_not(None) & staged.c[each.target].is_(None)
        lines = db.scalars(select(staged.c.line).where(named_none))
        rejects += [Reject(line, each.column, each.unknown) for line in lines]
        unknown.append(named_none)
    if rejects:
        db.execute(delete(staged).where(or_(*unknown)))
    return rejects + _reject_other_currencies(db, resource, staged)


def _reject_other_currencies(db: Connection, resource: Resource, staged: Table) -> list[Reject]:
    """Remove and return the rows whose currency differs from that of their order."""
    if resource.order_of is None:
        return []
    currency = select(_orders.c.currency_code).where(_orders.c.id == resource.order_of(staged))
    its_currency = currency.scalar_subquery()
    differs = staged.c.currency_code != its_currency
    found = db.execute(select(staged.c.line, staged.c.currency_code, its_currency).where(differs))
    rejects = [
        Reject(line, "currency_code", f"is {given}, and the order is in {expected}")
        for line, given, expected in found
    ]
    if rejects:
        db.execute(delete(staged).where(differs))
    return rejects
