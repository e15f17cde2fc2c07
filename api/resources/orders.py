"""Orders: the sources and the targets of copies."""

from operator import itemgetter
from typing import Any

from sqlalchemy import BigInteger, Connection, FromClause, Label, cast, func, select

from order_factory.api.resources import writables
from order_factory.api.resources.attributes import (
    amount,
    common,
    computed,
    flag,
    number,
    own_mode,
    text,
    time,
)
from order_factory.api.resources.description import (
    DESCRIPTIVE,
    Broken,
    Hooks,
    Relationship,
    ResourceType,
    Row,
    Through,
    Type,
    Values,
)
from order_factory.api.resources.events import events_of
from order_factory.api.resources.order_triggers import act, order_triggers
from order_factory.api.settings import api_settings
from order_factory.models.tables import Customer, LineItem, Order, OrderFactory
from order_factory.models.values.event_names import EventName
from order_factory.models.values.public_ids import Resource as PublicIds
from order_factory.models.values.statuses import (
    EDITABLE,
    FulfillmentStatus,
    ItemType,
    OrderStatus,
    PaymentStatus,
)
from order_factory.tasks.orders.details import Kind, release_address
from order_factory.tasks.working_set.events import record_event
from order_factory.tasks.working_set.order_numbers import set_order_number
from order_factory.tasks.working_set.order_totals import update_order_totals
from order_factory.tasks.working_set.statements import table_of

_order, _line = table_of(Order), table_of(LineItem)


def _derive_skus_count(order: FromClause) -> Label[Any]:
    """Return the column `skus_count`: how many pieces the lines of an order sell."""
    is_sold = (_line.c.order_id == order.c.id, _line.c.item_type == ItemType.SKUS)
    pieces = func.coalesce(func.sum(_line.c.quantity), 0)
    counted = select(cast(pieces, BigInteger)).where(*is_sold).correlate(order)
    return counted.scalar_subquery().label("skus_count")


def _release_addresses(db: Connection, known: Row, values: Values) -> None:
    """Delete the order's former copied addresses, unless another order uses them."""
    kinds: tuple[Kind, ...] = ("billing", "shipping")
    for kind in kinds:
        name = f"{kind}_address_id"
        if name in values and values[name] != known[name]:
            release_address(db, known["id"], kind)


def _fill(db: Connection, mode: str, values: Values, known: Row | None) -> None:
    """Copy the customer's email to an order without an email."""
    if known is None:
        values["mode"] = mode
        values.setdefault("currency_code", api_settings().default_currency_code)
    elif known["status"] not in EDITABLE and not values.keys() <= DESCRIPTIVE:
        name = min(values.keys() - DESCRIPTIVE).removesuffix("_id")
        raise Broken(f"cannot be changed: the order is {known['status']}", name)
    if known is not None:
        _release_addresses(db, known, values)
    if values.get("number") is not None:
        same_number = select(_order.c.id).where(
            _order.c.mode == mode, _order.c.number == values["number"]
        )
        if known is not None:
            same_number = same_number.where(_order.c.id != known["id"])
        if db.scalar(same_number) is not None:
            raise Broken("has already been taken", "number")
    if values.get("customer_id") is not None and not values.get("customer_email"):
        email = select(Customer.email).where(Customer.id == values["customer_id"])
        values["customer_email"] = db.scalar(email)


def _update_totals(db: Connection, key: int, values: Values) -> None:
    if not values.keys() <= DESCRIPTIVE:
        update_order_totals(db, key)


def _follow_creation(db: Connection, key: int, values: Values) -> None:
    set_order_number(db, key)
    for name in (EventName.ORDER_CREATE, EventName.ORDER_DRAFT):
        record_event(db, name, key, values["mode"], values["created_at"])
    _update_totals(db, key, values)


ORDERS = ResourceType(
    "orders",
    ids=PublicIds.orders,
    table=_order,
    scope=own_mode,
    attributes=(
        text("number"),
        text("status", nullable=False, one_of=tuple(OrderStatus)),
        text("payment_status", nullable=False, one_of=tuple(PaymentStatus)),
        text("fulfillment_status", nullable=False, one_of=tuple(FulfillmentStatus)),
        flag("guest"),
        text("customer_email"),
        text("market_name", meaning="Ours: the name of the market."),
        text("language_code"),
        text("notes", meaning="Ours: what the customer wishes. Copies have it."),
        text("currency_code", nullable=False),
        flag("tax_included"),
        number("tax_rate"),
        text("country_code"),
        text("shipping_country_code_lock"),
        text("coupon_code"),
        text("gift_card_code"),
        *amount("subtotal_amount", nullable=False),
        *amount("shipping_amount", nullable=False),
        *amount("payment_method_amount", nullable=False),
        *amount("discount_amount", nullable=False),
        *amount("adjustment_amount", nullable=False),
        *amount("gift_card_amount", nullable=False),
        *amount("total_tax_amount", nullable=False),
        *amount("total_amount", nullable=False),
        *amount("total_amount_with_taxes", nullable=False),
        computed(
            "editable",
            Type.BOOLEAN,
            lambda row: row["status"] in EDITABLE,
            nullable=False,
            meaning="Whether its lines may change.",
        ),
        computed(
            "skus_count",
            Type.INTEGER,
            itemgetter("skus_count"),
            nullable=False,
            meaning="How many pieces the lines sell.",
        ),
        time("placed_at"),
        time("approved_at"),
        time("cancelled_at"),
        time("archived_at"),
        time("refreshed_at"),
        *common(),
    ),
    relationships=(
        Relationship("customer", "customers", near="customer_id", writable=True, updatable=True),
        Relationship(
            "billing_address", "addresses", near="billing_address_id", writable=True, updatable=True
        ),
        Relationship(
            "shipping_address",
            "addresses",
            near="shipping_address_id",
            writable=True,
            updatable=True,
        ),
        Relationship("line_items", "line_items", near="id", far="order_id", many=True),
        Relationship(
            "line_item_options",
            "line_item_options",
            near="id",
            far="line_item_id",
            many=True,
            through=Through(table_of(LineItem), near="order_id", far="id"),
        ),
        Relationship("payment_method", "payment_methods", near="payment_method_id"),
        *(
            Relationship(name, name, near="id", far="order_id", many=True)
            for name in ("authorizations", "captures", "voids", "refunds", "transactions")
        ),
        Relationship(
            "order_subscription",
            "order_subscriptions",
            near="id",
            far="id",
            through=Through(
                table_of(OrderFactory), near="target_order_id", far="order_subscription_id"
            ),
            meaning="The subscription that the order is a copy for.",
        ),
        events_of("orders"),
        *(
            Relationship(name, name, near="id", far="source_order_id", many=True)
            for name in (
                "order_factories",
                "order_copies",
                "recurring_order_copies",
                "order_subscriptions",
            )
        ),
    ),
    writables=(
        writables.text("number"),
        writables.flag("guest"),
        writables.email("customer_email"),
        writables.text("language_code"),
        writables.text("notes", longest=writables.LONG_TEXT),
        writables.currency("currency_code", update=False, nullable=False),
        writables.country("shipping_country_code_lock"),
        writables.text("coupon_code"),
        writables.text("gift_card_code"),
        *order_triggers(),
        *writables.common(),
    ),
    creatable=True,
    updatable=True,
    derive=_derive_skus_count,
    hooks=Hooks(fill=_fill, created=_follow_creation, updated=_update_totals, act=act),
    meaning="Orders, the copies among them.",
)
