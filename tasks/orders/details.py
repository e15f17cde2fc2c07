"""The addresses and the payment source of an open order, copied from saved rows.

If the order has a copied row that no other order uses, that row is changed. Otherwise a new row is
inserted, and the old row stays for its other orders.
"""

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    delete,
    exists,
    func,
    insert,
    not_,
    or_,
    select,
    update,
)

from order_factory.models.tables import Address, CustomerPaymentSource, Order, PaymentSource
from order_factory.models.tables.base import Base
from order_factory.tasks.working_set.statements import NOW, copied_columns, table_of, times

Kind = Literal["billing", "shipping"]
_order, _saved = table_of(Order), table_of(CustomerPaymentSource)
_ADDRESS_COLUMNS = copied_columns(Address, "reference", "reference_origin")


def clone_address(
    db: Connection, order_id: int, kind: Kind, address_id: int, now: datetime
) -> None:
    """Set the order's billing or shipping address to a copy of this address."""
    columns = (_order.c.billing_address_id, _order.c.shipping_address_id)
    own_copy = _find_own_copy(db, Address, order_id, f"{kind}_address_id", columns)
    address = table_of(Address)
    if own_copy == address_id:
        return
    values = [column.key for column in _ADDRESS_COLUMNS]
    key = _copy_row(db, address, own_copy, address_id, values, now)
    _set_reference(db, order_id, f"{kind}_address_id", key, now)


def pay_with(db: Connection, order_id: int, customer_payment_source_id: int, now: datetime) -> None:
    """Set the order's payment source to a copy of this wallet entry's, as copying does."""
    payment = table_of(PaymentSource)
    saved_id, method_id = db.execute(
        select(_saved.c.payment_source_id, _saved.c.payment_method_id).where(
            _saved.c.id == customer_payment_source_id
        )
    ).one()
    own_copy = _find_own_copy(
        db, PaymentSource, order_id, "payment_source_id", (_order.c.payment_source_id,)
    )
    values = [column.key for column in copied_columns(PaymentSource)]
    key = _copy_row(db, payment, own_copy, saved_id, values, now)
    _set_reference(db, order_id, "payment_source_id", key, now)
    if method_id is not None:
        _set_reference(db, order_id, "payment_method_id", method_id, now)


def _find_own_copy(
    db: Connection,
    resource: type[Base],
    order_id: int,
    column: str,
    references: tuple[ColumnElement[Any], ...],
) -> int | None:
    """Return the copied row to which only this column of this order refers, or None."""
    table = table_of(resource)
    referred_id = select(_order.c[column]).where(_order.c.id == order_id).scalar_subquery()
    key = db.scalar(
        select(table.c.id).where(table.c.id == referred_id, table.c.copied_from_id.is_not(None))
    )
    if key is None:
        return None
    uses = sum(
        db.scalar(select(func.count()).select_from(_order).where(reference == key)) or 0
        for reference in references
    )
    return int(key) if uses == 1 else None


def _copy_row(
    db: Connection,
    table: Table,
    own_copy: int | None,
    original_id: int,
    values: list[str],
    now: datetime,
) -> int:
    """Copy the original into the order's own row, or into a new row. Returns the row's key."""
    original = table.alias("original")
    taken = {name: original.c[name] for name in values}
    if own_copy is not None:
        change = update(table).where(table.c.id == own_copy, original.c.id == original_id)
        db.execute(
            change.values(**taken, copied_from_id=original.c.id, updated_at=NOW), {"now": now}
        )
        return own_copy
    new = {"copied_from_id": original.c.id, **taken, **times(NOW)}
    rows = select(*new.values()).where(original.c.id == original_id)
    added = insert(table).from_select(list(new), rows, include_defaults=False)
    return int(db.execute(added.returning(table.c.id), {"now": now}).scalar_one())


def _set_reference(db: Connection, order_id: int, column: str, key: int, now: datetime) -> None:
    statement = update(_order).where(_order.c.id == order_id)
    db.execute(statement.values({column: key, "updated_at": NOW}), {"now": now})


def release_address(db: Connection, order_id: int, kind: Kind) -> None:
    """Remove this address from the order. A copied row that no order uses any more is deleted.

    If the row itself was copied, it stays as a separate address.
    """
    address, copy = table_of(Address), table_of(Address).alias("copy")
    column = _order.c[f"{kind}_address_id"]
    key = db.scalar(select(column).where(_order.c.id == order_id))
    db.execute(update(_order).where(_order.c.id == order_id).values({column: None}))
    used = exists().where(
        or_(_order.c.billing_address_id == key, _order.c.shipping_address_id == key)
    )
    mine = and_(address.c.id == key, address.c.copied_from_id.is_not(None), not_(used))
    copied = exists().where(copy.c.copied_from_id == address.c.id)
    db.execute(delete(address).where(mine, not_(copied)))
    db.execute(update(address).where(mine).values(copied_from_id=None))


def copy_other_address(db: Connection, order_id: int, kind: Kind, now: datetime) -> bool:
    """Set this address to a copy of the order's other address. Returns False if it has none."""
    other = "shipping" if kind == "billing" else "billing"
    key = db.scalar(select(_order.c[f"{other}_address_id"]).where(_order.c.id == order_id))
    if key is None:
        return False
    clone_address(db, order_id, kind, key, now)
    return True
