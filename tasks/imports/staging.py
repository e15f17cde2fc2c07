"""The staging table: the rows of a chunk, with the ids of the rows that they refer to."""

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
from order_factory.tasks.imports.resources import RESOURCES, Resource, column_without_default
from order_factory.tasks.working_set.statements import table_of
from order_factory.tasks.working_set.tables import temporary

_orders = table_of(Order)


@cache
def staging_table(resource_name: str) -> Table:
    """Return the temporary table: `line`, the file's columns, and an id column per reference.

    It belongs to the connection and is empty at the start of each transaction.
    """
    resource = RESOURCES[resource_name]
    columns: list[Column[Any]] = [Column("line", BigInteger, primary_key=True, autoincrement=False)]
    for name in resource.columns:
        stored = resource.table.c.get(name)
        columns.append(Column(name, Text() if stored is None else stored.type))
    for name in resource.defaults:
        stored = resource.table.c[name]
        columns.append(Column(column_without_default(name), stored.type))
    columns += [Column(name, Text()) for name in resource.compared_by]
    for reference in resource.references:
        columns.append(Column(reference.target, BigInteger))
    return temporary(MetaData(), f"of_import_{resource_name}", *columns)


def stage(db: Connection, resource: Resource, rows: Sequence[dict[str, Any]]) -> None:
    """Fill the emptied staging table with these rows: dicts of all columns and `line`."""
    staged = staging_table(resource.name)
    open_tables(db, staged.metadata)
    db.execute(insert(staged), rows)
    # The ids of the references are not resolved yet.
    analyze_table(db, staged)


def resolve_references(db: Connection, resource: Resource, mode: str) -> list[Reject]:
    """Look up the rows that the staged rows refer to. Remove and reject rows with unknown keys."""
    if not resource.references:
        return []
    staged = staging_table(resource.name)
    ids = {each.target: each.find(staged, mode) for each in resource.references}
    db.execute(update(staged).values(ids))
    # With statistics from before, PostgreSQL would take all ids for null and choose a slow join.
    analyze_table(db, staged)
    rejects, unknown = [], []
    for each in resource.references:
        is_unknown = staged.c[each.column].is_not(None) & staged.c[each.target].is_(None)
        lines = db.scalars(select(staged.c.line).where(is_unknown))
        rejects += [Reject(line, each.column, each.unknown) for line in lines]
        unknown.append(is_unknown)
    if rejects:
        db.execute(delete(staged).where(or_(*unknown)))
    return rejects + _reject_other_currencies(db, resource, staged)


def _reject_other_currencies(db: Connection, resource: Resource, staged: Table) -> list[Reject]:
    """Remove and reject the rows whose currency differs from their order's."""
    if resource.order_of is None:
        return []
    currency = select(_orders.c.currency_code).where(_orders.c.id == resource.order_of(staged))
    order_currency = currency.scalar_subquery()
    differs = staged.c.currency_code != order_currency
    ids = db.execute(select(staged.c.line, staged.c.currency_code, order_currency).where(differs))
    rejects = [
        Reject(line, "currency_code", f"is {given}, and the order is in {expected}")
        for line, given, expected in ids
    ]
    if rejects:
        db.execute(delete(staged).where(differs))
    return rejects
