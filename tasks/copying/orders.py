"""The target order: a new row with the totals of its lines."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    and_,
    case,
    func,
    literal,
    not_,
    null,
    select,
)

from order_factory.models.database.foreign_keys import lock_referenced, skipping_key_checks
from order_factory.models.errors import TryAgain
from order_factory.models.tables import Order
from order_factory.models.values.statuses import FulfillmentStatus, OrderStatus, PaymentStatus
from order_factory.tasks.copying.changed_orders import finish_changed_orders
from order_factory.tasks.copying.customers import customer_columns, has_customer
from order_factory.tasks.working_set.batch import Batch
from order_factory.tasks.working_set.kept_parts import kept_columns
from order_factory.tasks.working_set.order_amounts import (
    AMOUNTS,
    SUMS,
    calculate_discount,
    calculate_total_with_taxes,
)
from order_factory.tasks.working_set.order_numbers import make_order_number
from order_factory.tasks.working_set.statements import (
    NOW,
    copied_columns,
    execute_and_count,
    insert_select,
    table_of,
    times,
)
from order_factory.tasks.working_set.step import StepFailed, step
from order_factory.tasks.working_set.tables import copies, line_sums

# The history of the source order, which the target order does not share.
LEFT = (
    "placed_at",
    "approved_at",
    "cancelled_at",
    "archived_at",
    "refreshed_at",
    # The step for gift cards sets these where the source's gift card pays.
    "gift_card_code",
    "gift_card_code_key",
)
# Columns with a value of their own, from `insert_orders`. All others come from the source order.
OWN = (
    "reference",
    "reference_origin",
    "number",
    "order_factory_id",
    "status",
    "payment_status",
    "fulfillment_status",
    "guest",
    "customer_id",
    "customer_email",
    "customer_email_key",
    "billing_address_id",
    "shipping_address_id",
    "payment_source_id",
    "coupon_code",
    "coupon_code_key",
    *AMOUNTS,
)
COPIED_COLUMNS = tuple(column.key for column in copied_columns(Order, *LEFT, *OWN))


# What is merged into an open order makes none.
_IS_MADE = copies.c.valid, not_(copies.c.merges)


def insert_orders() -> Insert:
    """Insert a target order per valid copy: `pending` if it has a customer and something to buy."""
    source, sums = table_of(Order), line_sums.c
    pending = and_(has_customer, sums.purchasable_lines > 0)
    values: dict[str, ColumnElement[Any]] = {
        "id": copies.c.target_order_id,
        "order_factory_id": copies.c.factory_id,
        "number": make_order_number(copies.c.target_order_id, source.c.mode, copies.c.factory_id),
        "status": case((pending, OrderStatus.PENDING), else_=OrderStatus.DRAFT),
        "payment_status": literal(PaymentStatus.UNPAID),
        "fulfillment_status": literal(FulfillmentStatus.UNFULFILLED),
        **customer_columns(source),
        "billing_address_id": copies.c.target_billing_address_id,
        "shipping_address_id": copies.c.target_shipping_address_id,
        "payment_source_id": copies.c.target_payment_source_id,
        **{name: sums[name] for name in SUMS},
        "discount_amount_cents": calculate_discount(sums),
        "total_amount_with_taxes_cents": calculate_total_with_taxes(sums, source.c.tax_included),
        "coupon_code": copies.c.coupon_code,
        "coupon_code_key": copies.c.coupon_code_key,
        **{name: source.c[name] for name in COPIED_COLUMNS},
        **kept_columns(source),
        **{name: null() for name in LEFT},
        **times(NOW),
    }
    rows = copies.join(source, source.c.id == copies.c.source_order_id)
    rows = rows.join(line_sums, sums.factory_id == copies.c.factory_id)
    return insert_select(Order, values, rows, *_IS_MADE)


_target = table_of(Order)
# This transaction has locked the factory, and has written the addresses and payment sources.
OF_THIS_TRANSACTION = (
    "order_factory_id",
    "billing_address_id",
    "shipping_address_id",
    "payment_source_id",
)
_REFERENCES = [
    key.parent for key in _target.foreign_keys if key.parent.key not in OF_THIS_TRANSACTION
]
_TARGETS = copies.join(_target, _target.c.id == copies.c.target_order_id)
_COPY = insert_orders()
_VALID = select(func.count(), func.coalesce(func.max(case((copies.c.order_changed, 1))), 0)).where(
    *_IS_MADE
)


@step(
    name="copy orders",
    field="target_order",
    errors=("target_order", "target_market", "target_currency", "target_notes"),
    idle="No target order is made.",
)
def copy_orders(db: Connection, batch: Batch) -> int:
    """Insert the target orders of the valid copies. Returns the number of rows.

    Raises `StepFailed` if the database left one out, as a trigger of the shop can do, because the
    lines need their order. Raises `TryAgain` if a row that the orders refer to was deleted.
    """
    with skipping_key_checks(db, _target, few=batch.single) as locks_rows:
        orders = execute_and_count(db, _COPY, now=batch.started_at)
    if locks_rows and not lock_referenced(db, _TARGETS, copies.c.valid, keys=_REFERENCES):
        raise TryAgain("a customer or a payment method was deleted during the copy")
    valid, some_changed = db.execute(_VALID).one()
    if orders != valid:
        message = "could not be copied: the database did not keep the target order"
        raise StepFailed("target_order", message)
    if some_changed:
        finish_changed_orders(db)
    return orders
