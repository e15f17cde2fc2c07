"""Changed orders: their customer, address, currency, market and notes are those of the options."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select

from order_factory.models.tables import Address, Customer
from order_factory.models.tables.row_names import key_in, text_in
from order_factory.models.values.public_ids import Resource
from order_factory.tasks.verify.invariants import Invariant
from order_factory.tasks.verify.rows import copied, factory, is_unedited, source, target
from order_factory.tasks.working_set.statements import table_of

_customer, _address = table_of(Customer), table_of(Address)

names_customer = factory.c.target_customer.is_not(None)
gets_another_customer = and_(
    names_customer, target.c.customer_id.is_distinct_from(source.c.customer_id)
)
_expected_currency: ColumnElement[str] = func.coalesce(
    factory.c.target_currency, source.c.currency_code
)
is_other_currency = and_(
    factory.c.target_currency.is_not(None),
    factory.c.target_currency != source.c.currency_code,
)


def expected_address_id(kind: str) -> ColumnElement[int]:
    """Return the key of the address to copy: the option's, or the source order's. Null if none.

    A reference may name another address since. Then the address that was copied is expected.
    """
    name, own = factory.c[f"target_{kind}"], source.c[f"{kind}_id"]
    named, used = _address.alias("named"), _address.alias("held")
    by_reference = (
        select(func.min(named.c.id))
        .where(named.c.mode == factory.c.mode, named.c.reference == text_in(name))
        .where(named.c.copied_from_id.is_(None), named.c.updated_at <= factory.c.started_at)
        .having(func.count() == 1)
        .correlate(factory)
        .scalar_subquery()
    )
    copied_id = select(used.c.copied_from_id).where(used.c.id == target.c[f"{kind}_id"])
    copied_id_of_target = copied_id.correlate(target).scalar_subquery()
    return case(
        (name.is_(None), own), else_=func.coalesce(key_in(name), by_reference, copied_id_of_target)
    )


def _find_other_customers() -> Select[Any]:
    """Select targets without the customer that their copy names."""
    name = factory.c.target_customer
    rows = copied.outerjoin(_customer, _customer.c.id == target.c.customer_id)
    is_named = or_(
        _customer.c.id == key_in(name),
        and_(text_in(name).is_not(None), _customer.c.email_key == text_in(name)),
    )
    wrong = or_(
        _customer.c.id.is_(None),
        and_(is_unedited(_customer), is_named.is_not(True)),
        and_(
            is_unedited(_customer),
            or_(
                target.c.customer_email.is_distinct_from(_customer.c.email),
                target.c.customer_email_key.is_distinct_from(_customer.c.email_key),
            ),
        ),
        target.c.guest,
    )
    return select(target.c.id).select_from(rows).where(names_customer, is_unedited(target), wrong)


# The values of the target that options may change.
EXPECTED_VALUES: dict[str, ColumnElement[Any]] = {
    "currency_code": _expected_currency,
    "market_name": func.coalesce(factory.c.target_market, source.c.market_name),
    "notes": func.coalesce(factory.c.target_notes, source.c.notes),
    # Another invariant checks the guest of a copy that names its customer.
    "guest": case((names_customer, target.c.guest), else_=source.c.guest),
}


def has_unrequested_change() -> ColumnElement[bool]:
    """Whether a value of the target is neither that of its source nor that of an option."""
    return or_(*(target.c[name].is_distinct_from(value) for name, value in EXPECTED_VALUES.items()))


def _find_other_currencies() -> Select[Any]:
    rows = select(target.c.id).select_from(copied)
    without_prices = and_(is_other_currency, factory.c.refresh_prices.is_(False))
    return rows.where(or_(target.c.currency_code != _expected_currency, without_prices))


INVARIANTS = (
    Invariant(
        "same-currency",
        "A target order has the currency of its source, or with refresh_prices the currency that "
        "its copy requests.",
        Resource.orders,
        _find_other_currencies(),
    ),
    Invariant(
        "asked-customer",
        "If a copy names a customer, its target order belongs to that customer and not to a guest.",
        Resource.orders,
        _find_other_customers(),
    ),
)
