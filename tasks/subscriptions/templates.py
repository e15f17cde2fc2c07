"""Template orders: drafts for subscriptions that do not copy their source order unchanged.

A subscription with items delivers only these. A subscription with its own payment source pays with
it. The template is a draft order with these lines and this payment source. It is copied like any
other order. A template that was copied is never changed: a new template replaces it.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    null,
    select,
    update,
)

from order_factory.models.tables import (
    Address,
    CustomerPaymentSource,
    LineItem,
    LineItemOption,
    Order,
    OrderSubscriptionItem,
    PaymentSource,
)
from order_factory.models.values.statuses import OrderStatus
from order_factory.tasks.copying.orders import COPIED_COLUMNS as ORDER_COLUMNS
from order_factory.tasks.subscriptions.discounts import insert_discount_lines
from order_factory.tasks.subscriptions.due import factory, subscription
from order_factory.tasks.working_set.changed_amounts import changed_tax
from order_factory.tasks.working_set.order_numbers import set_order_number
from order_factory.tasks.working_set.order_totals import update_order_totals
from order_factory.tasks.working_set.statements import (
    at,
    copied_columns,
    insert_counted,
    table_of,
    times,
)

ORIGIN = "order_subscriptions"
_order, _line, _option = table_of(Order), table_of(LineItem), table_of(LineItemOption)
_address, _payment = table_of(Address), table_of(PaymentSource)
_saved, item = table_of(CustomerPaymentSource), table_of(OrderSubscriptionItem)
# The columns of an item. The other columns of a line come from the item's source line.
_OF_ITEMS = (
    "item_type",
    "sku_code",
    "bundle_code",
    "quantity",
    "currency_code",
    "unit_amount_cents",
    "total_amount_cents",
)
# Columns that are only correct for the source line's quantity and amount.
_OF_AMOUNTS = ("discount_cents", "discount_breakdown", "tax_breakdown")


def rebuild_template(db: Connection, key: int, now: datetime) -> None:
    """Create the template for the subscription's items and payment source, if it needs one."""
    # The lock prevents a run from recording a copy of a template that is being deleted.
    locked = select(subscription).where(subscription.c.id == key)
    row = db.execute(locked.with_for_update()).one()
    has_items = bool(db.scalar(select(exists().where(item.c.order_subscription_id == key))))
    template = None
    if has_items or row.customer_payment_source_id is not None:
        template = _insert_order(db, row, has_items, now)
        _insert_lines(db, row, template, has_items, now)
        if has_items:
            insert_discount_lines(db, row.source_order_id, key, template, now)
        update_order_totals(db, template)
        # The new totals made it pending, but a template is not a customer's cart.
        db.execute(update(_order).where(_order.c.id == template).values(status=OrderStatus.DRAFT))
    changed = update(subscription).where(subscription.c.id == key)
    db.execute(changed.values(template_order_id=template, updated_at=now))
    if row.template_order_id is not None:
        delete_unless_copied(db, row.template_order_id)


def _insert_order(db: Connection, row: Any, has_items: bool, now: datetime) -> int:
    source = db.execute(select(_order).where(_order.c.id == row.source_order_id)).one()
    billing = _insert_address(db, source.billing_address_id, now)
    shipping = billing
    if source.shipping_address_id != source.billing_address_id:
        shipping = _insert_address(db, source.shipping_address_id, now)
    values = {name: source._mapping[name] for name in ORDER_COLUMNS} | {
        "status": OrderStatus.DRAFT,
        "customer_id": row.customer_id,
        "customer_email": row.customer_email,
        "billing_address_id": billing,
        "shipping_address_id": shipping,
        "payment_source_id": _find_payment_source(db, row, source),
        # Items have no line for a gift card's payment.
        "gift_card_code": None if has_items else source.gift_card_code,
        "gift_card_code_key": None if has_items else source.gift_card_code_key,
        "reference": row.number,
        "reference_origin": ORIGIN,
        "created_at": now,
        "updated_at": now,
    }
    key = int(db.execute(insert(_order).values(values).returning(_order.c.id)).scalar_one())
    set_order_number(db, key)
    return key


def _insert_address(db: Connection, key: int | None, now: datetime) -> int | None:
    """Insert a copy of this address for the template, without its reference. Returns its key."""
    if key is None:
        return None
    columns = copied_columns(Address, "reference", "reference_origin")
    values: dict[str, ColumnElement[Any]] = {column.key: column for column in columns}
    values |= times(at(now))
    rows = select(*values.values()).where(_address.c.id == key)
    statement = insert(_address).from_select(list(values), rows, include_defaults=False)
    return int(db.execute(statement.returning(_address.c.id)).scalar_one())


def _find_payment_source(db: Connection, row: Any, source: Any) -> int | None:
    """Return the subscription's payment source, or else the source order's."""
    if row.customer_payment_source_id is not None:
        payment_source = select(_saved.c.payment_source_id)
        key = payment_source.where(_saved.c.id == row.customer_payment_source_id)
    else:
        # The payment source in the wallet. Its copy belongs to the source order only.
        saved = func.coalesce(_payment.c.copied_from_id, _payment.c.id)
        key = select(saved).where(_payment.c.id == source.payment_source_id)
    payment_source_id: int | None = db.scalar(key)
    return payment_source_id


def _insert_lines(db: Connection, row: Any, template: int, has_items: bool, now: datetime) -> None:
    """Insert a line for each item, or for each line of the source order, with its options."""
    if has_items:
        names = [item.c[name] for name in _OF_ITEMS]
        wanted = select(item.c.id.label("place"), item.c.source_line_item_id, *names)
        wanted = wanted.where(item.c.order_subscription_id == row.id)
    else:
        names = [_line.c[name] for name in _OF_ITEMS]
        wanted = select(_line.c.id.label("place"), _line.c.id.label("source_line_item_id"), *names)
        wanted = wanted.where(_line.c.order_id == row.source_order_id)
    requested = wanted.subquery("wanted")
    values = {
        "order_id": literal(template),
        **{
            column.key: _choose_line_value(column.key, requested)
            for column in copied_columns(LineItem, "order_id")
        },
        **times(at(now)),
    }
    rows = select(*values.values()).select_from(
        requested.outerjoin(_line, _line.c.id == requested.c.source_line_item_id)
    )
    db.execute(insert_counted(_line, list(values), rows.order_by(requested.c.place)))
    _insert_options(db, template, requested, now)


def _choose_line_value(name: str, requested: FromClause) -> ColumnElement[Any]:
    if name in _OF_ITEMS:
        return requested.c[name]
    same = and_(
        requested.c.quantity == _line.c.quantity,
        requested.c.total_amount_cents == _line.c.total_amount_cents,
    )
    if name in _OF_AMOUNTS:
        return case((same, _line.c[name]), else_=null())
    if name == "tax_amount_cents":
        total = requested.c.total_amount_cents
        return case((same, _line.c[name]), else_=changed_tax(_line.c, total))
    return _line.c[name]


def _insert_options(db: Connection, template: int, requested: FromClause, now: datetime) -> None:
    """Insert the options of the source lines; the template's lines are in the order of `requested`."""
    numbered = select(_line.c.id, func.row_number().over(order_by=_line.c.id).label("rank"))
    lines = numbered.where(_line.c.order_id == template).subquery("made")
    rank = func.row_number().over(order_by=requested.c.place).label("rank")
    ranked = select(requested.c.source_line_item_id, rank).subquery("ranked")
    values: dict[str, ColumnElement[Any]] = {
        "line_item_id": lines.c.id,
        **{column.key: column for column in copied_columns(LineItemOption, "line_item_id")},
        **times(at(now)),
    }
    rows = select(*values.values()).select_from(
        ranked.join(lines, lines.c.rank == ranked.c.rank).join(
            _option, _option.c.line_item_id == ranked.c.source_line_item_id
        )
    )
    db.execute(insert_counted(_option, list(values), rows.order_by(_option.c.id)))


def delete_unless_copied(db: Connection, key: int) -> None:
    """Delete the template, with its rows, unless it was copied."""
    if db.scalar(select(exists().where(factory.c.source_order_id == key))):
        return
    head = db.execute(
        select(_order.c.billing_address_id, _order.c.shipping_address_id).where(_order.c.id == key)
    ).one()
    lines = select(_line.c.id).where(_line.c.order_id == key)
    db.execute(delete(_option).where(_option.c.line_item_id.in_(lines)))
    db.execute(delete(_line).where(_line.c.order_id == key))
    db.execute(delete(_order).where(_order.c.id == key))
    addresses = {head.billing_address_id, head.shipping_address_id} - {None}
    db.execute(delete(_address).where(_address.c.id.in_(addresses)))
