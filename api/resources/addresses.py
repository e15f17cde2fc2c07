"""Addresses: the billing and shipping addresses of orders."""

from sqlalchemy import Connection, Select, exists, or_, select

from order_factory.api.resources import writables
from order_factory.api.resources.attributes import (
    common,
    computed,
    flag,
    number,
    own_mode,
    text,
    text_never_null,
)
from order_factory.api.resources.description import (
    DESCRIPTIVE,
    Broken,
    Hooks,
    ResourceType,
    Row,
    Type,
    Values,
)
from order_factory.api.resources.events import no_events
from order_factory.models.errors import AddressOfPlacedOrder
from order_factory.models.tables import Address, Order
from order_factory.models.values.public_ids import Resource as PublicIds
from order_factory.models.values.public_ids import public_id
from order_factory.models.values.statuses import EDITABLE
from order_factory.tasks.working_set.statements import table_of

_order = table_of(Order)


def _full_name(row: Row) -> str | None:
    if row["business"]:
        return row["company"] or None
    return _join(row["first_name"], row["last_name"])


def _full_address(row: Row) -> str | None:
    street = _join(row["line_1"], row["line_2"])
    country = f"({row['country_code']})"
    place = _join(row["zip_code"], row["city"], row["state_code"], country, row["phone"])
    return ", ".join(part for part in (street, place) if part)


def _name(row: Row) -> str | None:
    return ", ".join(part for part in (_full_name(row), _full_address(row)) if part)


def _join(*parts: str | None) -> str | None:
    return " ".join(part for part in parts if part) or None


def _fill(db: Connection, mode: str, values: Values, row_before: Row | None) -> None:
    """Require a company for a business, and otherwise a first and a last name."""
    row = {**(row_before or {}), **values}
    needed = ("company",) if row.get("business") else ("first_name", "last_name")
    for name in needed:
        if not row.get(name):
            raise Broken("can't be blank", name)
    if row_before is None:
        values["mode"] = mode
    elif not values.keys() <= DESCRIPTIVE and db.scalar(_is_used_by_placed_order(row_before["id"])):
        raise AddressOfPlacedOrder(public_id(PublicIds.addresses, row_before["id"]))


def _is_used_by_placed_order(key: int) -> Select[tuple[bool]]:
    """Return whether a placed order uses this address."""
    is_used = or_(_order.c.billing_address_id == key, _order.c.shipping_address_id == key)
    return select(exists().where(is_used, _order.c.status.not_in(EDITABLE)))


ADDRESSES = ResourceType(
    "addresses",
    ids=PublicIds.addresses,
    table=table_of(Address),
    scope=own_mode,
    attributes=(
        flag("business"),
        text("first_name"),
        text("last_name"),
        text("company"),
        computed("full_name", Type.TEXT, _full_name),
        text("line_1", nullable=False),
        text("line_2"),
        text("city", nullable=False),
        text("zip_code"),
        text("state_code"),
        text("country_code", nullable=False),
        text_never_null("phone"),
        computed("full_address", Type.TEXT, _full_address),
        computed("name", Type.TEXT, _name),
        text("email"),
        text("notes"),
        number("lat"),
        number("lng"),
        text("billing_info"),
        *common(),
    ),
    relationships=(no_events(),),
    writables=(
        writables.flag("business"),
        *(writables.text(name) for name in ("first_name", "last_name", "company")),
        writables.text("line_1", required=True, nullable=False),
        writables.text("line_2"),
        writables.text("city", required=True, nullable=False),
        writables.text("zip_code"),
        writables.text("state_code"),
        writables.country("country_code", required=True, nullable=False),
        writables.text("phone"),
        writables.email("email"),
        writables.text("notes", longest=writables.LONG_TEXT),
        writables.number("lat", least=-90, most=90),
        writables.number("lng", least=-180, most=180),
        writables.text("billing_info"),
        *writables.common(),
    ),
    creatable=True,
    updatable=True,
    hooks=Hooks(fill=_fill),
    meaning="Postal addresses.",
)
