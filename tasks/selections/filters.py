"""Select the orders that match a filter, in the database."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, func, or_, select

from order_factory.models.errors import NothingSelected, SelectionInvalid
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.requests.order_filters import OrderFilter
from order_factory.models.tables import Customer, LineItem, Order, OrderFactory
from order_factory.models.tables.base import utc_now
from order_factory.models.values.durations import parse_duration
from order_factory.models.values.keys import comparison_key
from order_factory.models.values.public_ids import Resource, parse_public_id, public_id
from order_factory.models.values.statuses import FactoryStatus
from order_factory.tasks.selections.requested import Requested, option_values, request_rows

NAME = "The filter"


def _has_line(sku_code: str) -> ColumnElement[bool]:
    return exists().where(LineItem.order_id == Order.id, LineItem.sku_code == sku_code)


def _is_not_copied_yet(_: bool) -> ColumnElement[bool]:
    """Return whether no factory has copied or will copy the order."""
    is_copied = or_(
        OrderFactory.target_order_id.is_not(None),
        OrderFactory.status.in_([FactoryStatus.PENDING, FactoryStatus.IN_PROGRESS]),
    )
    return ~exists().where(OrderFactory.source_order_id == Order.id, is_copied)


# The condition of each field of the filter. The customer is already a public id.
_CONDITIONS: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "mode": lambda mode: Order.mode == mode,
    "status": lambda statuses: Order.status.in_(statuses),
    "customer": lambda name: Order.customer_id == parse_public_id(Resource.customers, name),
    "placed_within": lambda length: Order.placed_at >= utc_now() - parse_duration(length),
    "placed_from": lambda moment: Order.placed_at >= moment,
    "placed_before": lambda moment: Order.placed_at < moment,
    "market": lambda name: Order.market_name == name,
    "sku": _has_line,
    "reference": lambda reference: Order.reference == reference,
    "not_copied_yet": _is_not_copied_yet,
}

_DATES = ("placed_within", "placed_from", "placed_before")


def filter_conditions(order_filter: OrderFilter) -> list[ColumnElement[bool]]:
    """Return the conditions of the filter; its customer is a public id."""
    given = {name: getattr(order_filter, name) for name in _CONDITIONS}
    conditions = [
        _CONDITIONS[name](value) for name, value in given.items() if value not in (None, False)
    ]
    if not order_filter.include_copies:
        conditions.append(Order.order_factory_id.is_(None))
    return conditions


def resolve_customer(db: Connection, order_filter: OrderFilter) -> OrderFilter:
    """Return the filter with the customer's public id, so that no email is stored or shown.

    Raises `SelectionInvalid` if the filter's mode has no such customer.
    """
    if order_filter.customer is None:
        return order_filter
    key = parse_public_id(Resource.customers, order_filter.customer)
    same_email = Customer.email_key == comparison_key(order_filter.customer)
    conditions = same_email if key is None else Customer.id == key
    customer_id = db.scalar(
        select(Customer.id).where(Customer.mode == order_filter.mode, conditions)
    )
    if customer_id is None:
        message = f"no customer of {order_filter.mode} mode has this email or public id"
        raise SelectionInvalid(NAME, [message])
    return order_filter.model_copy(update={"customer": public_id(Resource.customers, customer_id)})


def describe_no_match(order_filter: OrderFilter) -> str:
    return f"no order matches: {order_filter.in_words()}"


def count_undated(db: Connection, order_filter: OrderFilter) -> int:
    """Count the orders that match except for the dates, because they have no `placed_at`."""
    if all(getattr(order_filter, name) is None for name in _DATES):
        return 0
    without_dates = order_filter.model_copy(update=dict.fromkeys(_DATES))
    undated = select(func.count()).select_from(Order)
    return (
        db.scalar(undated.where(*filter_conditions(without_dates), Order.placed_at.is_(None))) or 0
    )


def describe_undated(undated: int) -> str:
    """Return the message about such orders."""
    orders = "order has" if undated == 1 else "orders have"
    return (
        f"{undated:,} other {orders} no placed_at, so no date filter matches; set placed_at, or "
        "copy them by number"
    )


def require_match(db: Connection, order_filter: OrderFilter) -> None:
    """Raise `SelectionInvalid` if no order matches; the filter's customer is a public id."""
    if db.scalar(select(Order.id).where(*filter_conditions(order_filter)).limit(1)) is None:
        problems = [describe_no_match(order_filter)]
        if undated := count_undated(db, order_filter):
            problems.append(describe_undated(undated))
        raise NothingSelected(NAME, problems)


def select_filtered_orders(order_filter: OrderFilter, options: CopyOptions) -> Requested:
    """Return the copies of each matching order, oldest first; the customer is a public id."""
    rows = request_rows(
        {
            "mode": Order.__table__.c.mode,
            "source_order_id": Order.__table__.c.id,
            **option_values(options.choices()),
        }
    )
    rows = rows.where(*filter_conditions(order_filter)).order_by(
        Order.placed_at.asc().nulls_last(), Order.id
    )
    return Requested(
        description=order_filter.in_words(),
        mode=order_filter.mode,
        rows=rows.limit(order_filter.limit),
        details={"orders_where": order_filter.model_dump(mode="json"), **options.choices()},
        empty_message=describe_no_match(order_filter),
    )
