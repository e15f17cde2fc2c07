"""What can be exported: what an import reads, and the records of copies and payments."""

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
    Described,
    describe_imported,
    describe_table,
    referenced_table,
)
from order_factory.tasks.imports.resources import RESOURCES as IMPORTED
from order_factory.tasks.working_set.statements import table_of


@dataclass(frozen=True)
class ExportResource:
    """The rows of `table`, or with `only` those of one type. An import reads the `importable`.

    `left_out` names columns that are not written.
    """

    name: str
    table: Table
    only: tuple[str, str] | None = None
    left_out: frozenset[str] = frozenset()

    @property
    def importable(self) -> bool:
        return self.name in IMPORTED

    @cached_property
    def described(self) -> Described:
        if self.importable:
            found = describe_imported(IMPORTED[self.name])
        else:
            found = describe_table(self.table)
        kept = tuple(each for each in found.columns if each.name not in self.left_out)
        return replace(found, columns=kept)

    def is_in(self, rows: FromClause, mode: str) -> ColumnElement[bool]:
        """Whether these rows of the table belong to the resource and to the mode."""
        of_mode = _is_of_mode(self.table, rows, mode)
        if self.only is None:
            return of_mode
        column, value = self.only
        return of_mode & (rows.c[column] == value)

    def select(self) -> Select[Any]:
        """The key, the value of each column, and the keys of those that may need a public id."""
        described = self.described
        values = [each.value.label(f"value_{n}") for n, each in enumerate(described.columns)]
        keys = [
            each.key.label(f"key_{n}")
            for n, each in enumerate(described.columns)
            if each.key is not None
        ]
        return select(self.table.c.id, *values, *keys).select_from(described.rows)


def _is_of_mode(table: Table, rows: FromClause, mode: str) -> ColumnElement[bool]:
    """Rows without a mode have that of the row that they belong to."""
    if "mode" in table.c:
        return rows.c.mode == mode
    owner = owner_key(table)
    parent = referenced_table(owner)
    if parent is None:
        return true()
    owners = parent.alias()
    return exists().where(owners.c.id == rows.c[owner.name], _is_of_mode(parent, owners, mode))


def owner_key(table: Table) -> Column[Any]:
    """The first foreign key that is never null: of the row that a row belongs to."""
    return next(each for each in table.c if each.foreign_keys and not each.nullable)


_factories, _transactions = table_of(OrderFactory), table_of(Transaction)

# An import reads those that come first, in this order.
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
