"""Select the orders that fit a filter, in the database."""

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
from order_factory.models.values.public_ids import Resource, key_of, public_id
from order_factory.models.values.statuses import FactoryStatus
from order_factory.tasks.selections.requested import Requested, option_values, request_rows

NAME = "The filter"


def _has_line(sku_code: str) -> ColumnElement[bool]:
    return exists().where(LineItem.order_id == Order.id, LineItem.sku_code == sku_code)


def _is_not_copied_yet(_: bool) -> ColumnElement[bool]:
    """Whether no factory has made or will make a copy of the order."""
    made = or_(
        OrderFactory.target_order_id.is_not(None),
        OrderFactory.status.in_([FactoryStatus.PENDING, FactoryStatus.IN_PROGRESS]),
    )
    return ~exists().where(OrderFactory.source_order_id == Order.id, made)


# The condition of each field of the filter. The customer is already a public id.
_CONDITIONS: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "mode": lambda mode: Order.mode == mode,
    "status": lambda statuses: Order.status.in_(statuses),
    "customer": lambda name: Order.customer_id == key_of(Resource.customers, name),
    "placed_within": lambda length: Order.placed_at >= utc_now() - parse_duration(length),
    "placed_from": lambda moment: Order.placed_at >= moment,
    "placed_before": lambda moment: Order.placed_at < moment,
    "market": lambda name: Order.market_name == name,
    "sku": _has_line,
    "reference": lambda reference: Order.reference == reference,
    "not_copied_yet": _is_not_copied_yet,
}

_DATES = ("placed_within", "placed_from", "placed_before")


def fitting(wanted: OrderFilter) -> list[ColumnElement[bool]]:
    """Return the conditions of the filter; its customer is a public id."""
    given = {name: getattr(wanted, name) for name in _CONDITIONS}
    fits = [_CONDITIONS[name](value) for name, value in given.items() if value not in (None, False)]
    if not wanted.include_copies:
        fits.append(Order.order_factory_id.is_(None))
    return fits


def resolve_customer(db: Connection, wanted: OrderFilter) -> OrderFilter:
    """Return the filter with the customer's public id, so that no email is stored or shown.

    Raises `SelectionInvalid` where the filter's mode has no such customer.
    """
    if wanted.customer is None:
        return wanted
    key = key_of(Resource.customers, wanted.customer)
    same_email = Customer.email_key == comparison_key(wanted.customer)
    fits = same_email if key is None else Customer.id == key
    found = db.scalar(select(Customer.id).where(Customer.mode == wanted.mode, fits))
    if found is None:
        message = f"no customer of {wanted.mode} mode has this email or public id"
        raise SelectionInvalid(NAME, [message])
    return wanted.model_copy(update={"customer": public_id(Resource.customers, found)})


def nothingfitting(wanted: OrderFilter) -> str:
    return f"no order fits: {wanted.in_words()}"


def count_undated(db: Connection, wanted: OrderFilter) -> int:
    """Count the orders that fit except that they have no `placed_at`, so no date filter fits."""
    if all(getattr(wanted, name) is None for name in _DATES):
        return 0
    rest = wanted.model_copy(update=dict.fromkeys(_DATES))
    undated = select(func.count()).select_from(Order)
    return db.scalar(undated.where(*fitting(rest), Order.placed_at.is_(None))) or 0


def without_undated(undated: int) -> str:
    """Return the message about such orders."""
    orders = "order has" if undated == 1 else "orders have"
    return (
        f"{undated:,} other {orders} no placed_at and no date filter takes them; give placed_at, or "
        "copy them by number"
    )


def require_fit(db: Connection, wanted: OrderFilter) -> None:
    """Raise `SelectionInvalid` if no order fits; the filter's customer is a public id."""
    if db.scalar(select(Order.id).where(*fitting(wanted)).limit(1)) is None:
        problems = [nothingfitting(wanted)]
        if undated := count_undated(db, wanted):
            problems.append(without_undated(undated))
        raise NothingSelected(NAME, problems)


def fitting_orders(wanted: OrderFilter, options: CopyOptions) -> Requested:
    """Select a copy of each order that fits, earliest first; the customer is a public id."""
    rows = request_rows(
        {
            "mode": Order.__table__.c.mode,
            "source_order_id": Order.__table__.c.id,
            **option_values(options.choices()),
        }
    )
    rows = rows.where(*fitting(wanted)).order_by(Order.placed_at.asc().nulls_last(), Order.id)
    return Requested(
        words=wanted.in_words(),
        mode=wanted.mode,
        rows=rows.limit(wanted.limit),
        details={"orders_where": wanted.model_dump(mode="json"), **options.choices()},
        nothing=nothingfitting(wanted),
    )
