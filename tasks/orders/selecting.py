"""Select the orders to change: by number or id, or by a filter."""

from typing import Any

from sqlalchemy import Connection, select

from order_factory.models.database.engine import begin
from order_factory.models.errors import OrdersInvalid, SelectionInvalid
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.requests.order_filters import OrderFilter
from order_factory.models.tables import Order
from order_factory.models.values.statuses import Mode, OrderStatus, PaymentStatus
from order_factory.tasks.selections.checking import check_selection
from order_factory.tasks.selections.files import is_large_file
from order_factory.tasks.selections.filters import filter_conditions, resolve_customer
from order_factory.tasks.selections.reading import Orders, read_selection
from order_factory.tasks.selections.staging import matched_orders, stage

# The statuses that each change adds to a filter.
_ABOUT = {
    "place": Order.status == OrderStatus.PENDING,
    "capture": Order.payment_status == PaymentStatus.AUTHORIZED,
}


def select_named(db: Connection, orders: Orders, mode: Mode) -> list[int]:
    """Return the keys of the orders that are named in a list, a DataFrame or a file.

    Raises `OrdersInvalid` with everything that is wrong.
    """
    try:
        stage(db, check_selection(read_selection(orders), CopyOptions(), mode))
    except SelectionInvalid as error:
        raise OrdersInvalid(*error.args[:2]) from error
    return list(db.scalars(select(matched_orders.c.source_order_id).order_by(matched_orders.c.row)))


def check_named(orders: Orders, mode: Mode) -> None:
    """Raise `OrdersInvalid` if these orders cannot be selected; change nothing.

    A large file is checked by the run.
    """
    if not is_large_file(orders):
        with begin() as db:
            select_named(db, orders, mode)
            db.rollback()


def select_filtered(db: Connection, wanted: OrderFilter, change: str) -> list[int]:
    """Return the keys of the orders that match, including copies, earliest first.

    Only pending orders can be placed, and only authorized ones captured. So these statuses replace
    those of the filter.
    """
    everything: dict[str, Any] = {"include_copies": True}
    if change == "place":
        everything |= {"status": (OrderStatus.PENDING,)}
    wanted = resolve_customer(db, wanted).model_copy(update=everything)
    rows = select(Order.id).where(*filter_conditions(wanted), _ABOUT[change])
    rows = rows.order_by(Order.placed_at.asc().nulls_last(), Order.id).limit(wanted.limit)
    return list(db.scalars(rows))
