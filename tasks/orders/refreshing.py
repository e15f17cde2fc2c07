"""Refresh open orders: their totals, and the prices of their lines."""

from datetime import datetime

from sqlalchemy import BigInteger, Connection, and_, case, cast, func, literal, null, select, update

from order_factory.models.tables import LineItem, LineItemOption, Order, Price, Sku
from order_factory.models.values.statuses import EDITABLE, ItemType
from order_factory.tasks.working_set.order_totals import update_order_totals
from order_factory.tasks.working_set.requested_orders import (
    IS_REQUESTED,
    accepted_orders,
    refuse,
    requested_orders,
)
from order_factory.tasks.working_set.statements import NOW, table_of
from order_factory.tasks.working_set.taxes import tax_cents

_order, _line, _option = table_of(Order), table_of(LineItem), table_of(LineItemOption)
_sku, _price = table_of(Sku), table_of(Price)
_of_its_sku = and_(_price.c.sku_id == _sku.c.id, _price.c.currency_code == _order.c.currency_code)


def refresh(db: Connection, now: datetime) -> None:
    """Set the totals of the requested orders to the sums of their lines."""
    _refuse_closed(db)
    for order_id in db.scalars(accepted_orders()).all():
        update_order_totals(db, order_id)
    statement = update(_order).where(_order.c.id.in_(accepted_orders()))
    db.execute(statement.values(refreshed_at=NOW, updated_at=NOW), {"now": now})


def refresh_prices(db: Connection, now: datetime) -> None:
    """Give the lines of the requested orders today's prices of their SKUs, then add them up."""
    _refuse_closed(db)
    names = func.min(_line.c.sku_code)
    unpriced = (
        select(_line.c.order_id, names.label("sku_code"))
        .select_from(requested_orders)
        .join(_order, IS_REQUESTED)
        .join(_line, _line.c.order_id == _order.c.id)
        .join(_sku, and_(_sku.c.mode == _order.c.mode, _sku.c.code == _line.c.sku_code))
        .outerjoin(_price, _of_its_sku)
        .where(_line.c.item_type == ItemType.SKUS, _price.c.id.is_(None))
        .group_by(_line.c.order_id)
        .subquery("unpriced")
    )
    code = select(unpriced.c.sku_code).where(unpriced.c.order_id == _order.c.id)
    code_of_order = code.correlate(_order).scalar_subquery()
    message = literal("SKU ") + code_of_order + " has no price in " + _order.c.currency_code
    refuse(db, "line_items", message, code_of_order.is_not(None))
    _update_lines(db, now)
    refresh(db, now)


def _update_lines(db: Connection, now: datetime) -> None:
    options = (
        select(func.sum(_option.c.total_amount_cents))
        .where(_option.c.line_item_id == _line.c.id)
        .correlate(_line)
        .scalar_subquery()
    )
    extras = func.coalesce(_line.c.options_amount_cents, cast(options, BigInteger), 0)
    priced = (
        select(
            _line.c.id.label("line_item_id"),
            _price.c.amount_cents,
            _price.c.compare_at_amount_cents,
            (_price.c.amount_cents * _line.c.quantity + extras).label("total_amount_cents"),
            func.coalesce(_line.c.tax_rate, _order.c.tax_rate).label("tax_rate"),
            _order.c.tax_included,
        )
        .select_from(_order)
        .join(_line, _line.c.order_id == _order.c.id)
        .join(_sku, and_(_sku.c.mode == _order.c.mode, _sku.c.code == _line.c.sku_code))
        .join(_price, _of_its_sku)
        .where(_order.c.id.in_(accepted_orders()), _line.c.item_type == ItemType.SKUS)
        .subquery("priced")
    )
    taxed = and_(
        priced.c.total_amount_cents != _line.c.total_amount_cents,
        priced.c.tax_rate.is_not(None),
        _line.c.tax_amount_cents.is_not(None),
    )
    net = priced.c.total_amount_cents + func.coalesce(_line.c.discount_cents, 0)
    tax = tax_cents(net, priced.c.tax_rate, priced.c.tax_included)
    db.execute(
        update(_line)
        .where(_line.c.id == priced.c.line_item_id)
        .values(
            unit_amount_cents=priced.c.amount_cents,
            compare_at_amount_cents=priced.c.compare_at_amount_cents,
            total_amount_cents=priced.c.total_amount_cents,
            tax_amount_cents=case((taxed, tax), else_=_line.c.tax_amount_cents),
            tax_breakdown=case((taxed, null()), else_=_line.c.tax_breakdown),
            updated_at=NOW,
        ),
        {"now": now},
    )


def _refuse_closed(db: Connection) -> None:
    closed = _order.c.status.not_in(EDITABLE)
    refuse(db, "status", literal("cannot be refreshed: the order is ") + _order.c.status, closed)
