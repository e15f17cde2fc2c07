"""Stock: never below zero, and reserved only for orders that are being placed."""

from typing import Any

from sqlalchemy import Select, and_, func, not_, or_, select

from order_factory.models.tables import Order, StockItem, StockReservation
from order_factory.models.tables.skus import ReservationStatus
from order_factory.models.values.public_ids import Resource
from order_factory.models.values.statuses import OrderStatus
from order_factory.tasks.verify.invariants import Invariant
from order_factory.tasks.working_set.statements import table_of

_stock, _reservation = table_of(StockItem), table_of(StockReservation)
_order = table_of(Order)


def _find_negative_stock() -> Select[Any]:
    return select(_stock.c.id).where(_stock.c.quantity < 0)


def _find_reserved_without_order() -> Select[Any]:
    held = (
        select(_reservation.c.stock_item_id, func.sum(_reservation.c.quantity).label("pieces"))
        .where(_reservation.c.status == ReservationStatus.RESERVED)
        .group_by(_reservation.c.stock_item_id)
        .subquery("held")
    )
    rows = _stock.outerjoin(held, held.c.stock_item_id == _stock.c.id)
    wrong = _stock.c.reserved != func.coalesce(held.c.pieces, 0)
    return select(_stock.c.id).select_from(rows).where(wrong)


def _find_reserved_without_placing() -> Select[Any]:
    """Select reservations whose status does not match their order's."""
    placing = _order.c.status == OrderStatus.PLACING
    reserved = _reservation.c.status == ReservationStatus.RESERVED
    taken = _reservation.c.status == ReservationStatus.TAKEN
    before = _order.c.status.in_([OrderStatus.DRAFT, OrderStatus.PENDING])
    rows = _reservation.join(_order, _order.c.id == _reservation.c.order_id)
    wrong = or_(and_(reserved, not_(placing)), and_(taken, or_(placing, before)))
    return select(_reservation.c.id).select_from(rows).where(wrong)


INVARIANTS = (
    Invariant(
        "stock-not-negative",
        "No stock location holds less than zero pieces of a SKU.",
        Resource.stock_items,
        _find_negative_stock(),
    ),
    Invariant(
        "reserved-is-accounted-for",
        "The reserved pieces of a stock item belong to orders that are being placed.",
        Resource.stock_items,
        _find_reserved_without_order(),
    ),
    Invariant(
        "reservations-fit-orders",
        "Stock is reserved for orders that are being placed, and taken by those that were placed.",
        Resource.stock_reservations,
        _find_reserved_without_placing(),
    ),
)
