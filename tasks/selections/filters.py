"""Orders that fit a filter, found by the database and never named in Python."""

from sqlalchemy import ColumnElement, Connection, exists, literal, select

from order_factory.models.errors import SelectionInvalid
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.requests.order_filters import OrderFilter
from order_factory.models.tables import Customer, LineItem, Order
from order_factory.models.values.public_ids import Resource, key_of, public_id
from order_factory.tasks.selections.requested import Requested, request_rows

NAME = "The filter"


def _fits(wanted: OrderFilter) -> list[ColumnElement[bool]]:
    """What holds for the orders that fit; the filter's customer is a public id."""
    fits: list[ColumnElement[bool]] = [
        Order.mode == wanted.mode,
        Order.status.in_(wanted.status),
    ]
    if wanted.customer is not None:
        fits.append(Order.customer_id == key_of(Resource.customers, wanted.customer))
    if wanted.placed_from is not None:
        fits.append(Order.placed_at >= wanted.placed_from)
    if wanted.placed_before is not None:
        fits.append(Order.placed_at < wanted.placed_before)
    if wanted.market is not None:
        fits.append(Order.market_name == wanted.market)
    if wanted.sku is not None:
        line = LineItem.order_id == Order.id
        fits.append(exists().where(line, LineItem.sku_code == wanted.sku))
    if wanted.reference is not None:
        fits.append(Order.reference == wanted.reference)
    if not wanted.include_copies:
        fits.append(Order.order_factory_id.is_(None))
    return fits


def settle_customer(db: Connection, wanted: OrderFilter) -> OrderFilter:
    """The same filter with the customer's public id, so that no email is kept or told.

    Raises `SelectionInvalid` where the filter's mode has no such customer.
    """
    if wanted.customer is None:
        return wanted
    key = key_of(Resource.customers, wanted.customer)
    fits = Customer.email == wanted.customer if key is None else Customer.id == key
    found = db.scalar(select(Customer.id).where(Customer.mode == wanted.mode, fits))
    if found is None:
        message = f"no customer of {wanted.mode} mode has this email or public id"
        raise SelectionInvalid(NAME, [message])
    return wanted.model_copy(update={"customer": public_id(Resource.customers, found)})


def nothing_fits(wanted: OrderFilter) -> str:
    return f"no order fits: {wanted.in_words()}"


def require_fit(db: Connection, wanted: OrderFilter) -> None:
    """Raises `SelectionInvalid` where no order fits; the filter's customer is a public id."""
    if db.scalar(select(Order.id).where(*_fits(wanted)).limit(1)) is None:
        raise SelectionInvalid(NAME, [nothing_fits(wanted)])


def fitting_orders(wanted: OrderFilter, options: CopyOptions) -> Requested:
    """One copy of each order that fits, the earliest first; the customer is a public id."""
    rows = request_rows(
        {
            "mode": Order.__table__.c.mode,
            "source_order_id": Order.__table__.c.id,
            **{name: literal(value) for name, value in options.choices().items()},
        }
    )
    rows = rows.where(*_fits(wanted)).order_by(Order.placed_at.asc().nulls_last(), Order.id)
    return Requested(
        words=wanted.in_words(),
        mode=wanted.mode,
        rows=rows.limit(wanted.limit),
        details={"orders_where": wanted.model_dump(mode="json"), **options.choices()},
        nothing=nothing_fits(wanted),
    )
