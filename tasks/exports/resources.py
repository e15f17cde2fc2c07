"""The resources of exports: those that an import reads, and the records of copies and payments."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from sqlalchemy import Column, ColumnElement, FromClause, Select, Table, exists, select, true

from order_factory.models.tables import (
    GiftCardUse,
    OrderFactory,
    OrderFactoryBatch,
    OrderSubscription,
    OrderSubscriptionItem,
    StockReservation,
    Transaction,
)
from order_factory.models.tables.transactions import TransactionType
from order_factory.models.values.statuses import FactoryType
from order_factory.tasks.exports.columns import (
    ResourceColumns,
    describe_imported,
    describe_table,
    find_referenced_table,
)
from order_factory.tasks.imports.resources import RESOURCES as IMPORTED
from order_factory.tasks.working_set.statements import table_of


@dataclass(frozen=True)
class ExportResource:
    """A resource to export: the rows of `table`, or with `only` the rows with this column value.

    The columns in `left_out` are not written. An import reads a resource that is `importable`.
    """

    name: str
    table: Table
    only: tuple[str, str] | None = None
    left_out: frozenset[str] = frozenset()

    @property
    def importable(self) -> bool:
        return self.name in IMPORTED

    @cached_property
    def described(self) -> ResourceColumns:
        if self.importable:
            columns = describe_imported(IMPORTED[self.name])
        else:
            columns = describe_table(self.table)
        written = tuple(each for each in columns.columns if each.name not in self.left_out)
        return replace(columns, columns=written)

    def is_in(self, rows: FromClause, mode: str) -> ColumnElement[bool]:
        """Whether these rows of the table belong to the resource and to the mode."""
        of_mode = _is_of_mode(self.table, rows, mode)
        if self.only is None:
            return of_mode
        column, value = self.only
        return of_mode & (rows.c[column] == value)

    def select(self) -> Select[Any]:
        """Select the key, the value of each column, and the keys that may become public ids."""
        described = self.described
        values = [each.value.label(f"value_{n}") for n, each in enumerate(described.columns)]
        keys = [
            each.key.label(f"key_{n}")
            for n, each in enumerate(described.columns)
            if each.key is not None
        ]
        return select(self.table.c.id, *values, *keys).select_from(described.rows)


def _is_of_mode(table: Table, rows: FromClause, mode: str) -> ColumnElement[bool]:
    """Whether the rows have this mode. A row without a mode has that of its owner."""
    if "mode" in table.c:
        return rows.c.mode == mode
    owner = find_owner_key(table)
    parent = find_referenced_table(owner)
    if parent is None:
        return true()
    owners = parent.alias()
    return exists().where(owners.c.id == rows.c[owner.name], _is_of_mode(parent, owners, mode))


def find_owner_key(table: Table) -> Column[Any]:
    """Return the column with the owner of a row: the first foreign key that is never null."""
    return next(each for each in table.c if each.foreign_keys and not each.nullable)


_factories, _transactions = table_of(OrderFactory), table_of(Transaction)

# The order of the resources is the order in which an import reads them.
EXPORTED = {
    resource.name: resource
    for resource in (
        *(ExportResource(each.name, each.table) for each in IMPORTED.values()),
        ExportResource("order_subscriptions", table_of(OrderSubscription)),
        ExportResource("order_subscription_items", table_of(OrderSubscriptionItem)),
        ExportResource("order_factory_batches", table_of(OrderFactoryBatch)),
        ExportResource("order_factories", _factories),
        *(ExportResource(each.value, _factories, ("type", each)) for each in FactoryType),
        ExportResource("transactions", _transactions),
        *(ExportResource(each.value, _transactions, ("type", each)) for each in TransactionType),
        ExportResource("stock_reservations", table_of(StockReservation)),
        ExportResource("gift_card_uses", table_of(GiftCardUse)),
    )
}
