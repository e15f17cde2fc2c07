"""Customers, and the payment sources in their wallets."""

from sqlalchemy import Connection, select, update

from order_factory.api.resources import writables
from order_factory.api.resources.attributes import common, computed, flag, own_mode, text
from order_factory.api.resources.description import (
    Attribute,
    Broken,
    Hooks,
    Relationship,
    ResourceType,
    Row,
    Type,
    Values,
)
from order_factory.api.resources.events import events_of
from order_factory.models.tables import Customer, CustomerPaymentSource
from order_factory.models.values.event_names import EventName
from order_factory.models.values.keys import comparison_key
from order_factory.models.values.public_ids import Resource as PublicIds
from order_factory.models.values.statuses import CustomerStatus
from order_factory.tasks.working_set.events import record_event
from order_factory.tasks.working_set.statements import table_of

_SHOWN = 4
_customers, _saved = table_of(Customer), table_of(CustomerPaymentSource)


def _mask_token(name: str) -> Attribute:
    """Return an attribute for a gateway's token that shows only its last characters."""

    def read(row: Row) -> str | None:
        token = row[name]
        if token is None:
            return None
        return "****" + (token[-_SHOWN:] if len(token) >= 4 * _SHOWN else "")

    return computed(name, Type.TEXT, read, meaning="Masked: never the whole token.")


def _fill(db: Connection, mode: str, values: Values, known: Row | None) -> None:
    if known is None:
        values["mode"] = mode
    if "email" in values:
        same_email = _customers.c.email_key == comparison_key(values["email"])
        same_customers = select(_customers.c.id).where(_customers.c.mode == mode, same_email)
        if known is not None:
            same_customers = same_customers.where(_customers.c.id != known["id"])
        if db.scalar(same_customers) is not None:
            raise Broken("has already been taken", "email")


def _record_creation(db: Connection, key: int, values: Values) -> None:
    record_event(db, EventName.CUSTOMER_CREATE, key, values["mode"], values["created_at"])


def _make_default(db: Connection, key: int, values: Values) -> None:
    """Make this payment source the customer's only default."""
    if values.get("is_default"):
        customer = select(_saved.c.customer_id).where(_saved.c.id == key).scalar_subquery()
        others = update(_saved).where(_saved.c.customer_id == customer, _saved.c.id != key)
        db.execute(others.values(is_default=False))


CUSTOMERS = ResourceType(
    "customers",
    ids=PublicIds.customers,
    table=table_of(Customer),
    scope=own_mode,
    attributes=(
        text("email", nullable=False),
        text("status", nullable=False, one_of=tuple(CustomerStatus)),
        text("shopper_reference"),
        text("profile_id"),
        text("tax_exemption_code"),
        *common(),
    ),
    relationships=(
        Relationship("orders", "orders", near="id", far="customer_id", many=True),
        Relationship(
            "customer_payment_sources",
            "customer_payment_sources",
            near="id",
            far="customer_id",
            many=True,
            meaning="The wallet.",
        ),
        Relationship(
            "order_subscriptions", "order_subscriptions", near="id", far="customer_id", many=True
        ),
        events_of("customers"),
    ),
    writables=(
        writables.email("email", required=True, nullable=False),
        writables.choice(
            "status",
            tuple(CustomerStatus),
            create=False,
            nullable=False,
            meaning="blocked and deleted are ours: no order of such a customer is copied.",
        ),
        writables.text("shopper_reference"),
        writables.text("profile_id"),
        writables.text("tax_exemption_code"),
        *writables.common(),
    ),
    creatable=True,
    updatable=True,
    hooks=Hooks(fill=_fill, created=_record_creation),
    meaning="Whom orders belong to.",
)
CUSTOMER_PAYMENT_SOURCES = ResourceType(
    "customer_payment_sources",
    ids=PublicIds.customer_payment_sources,
    table=table_of(CustomerPaymentSource),
    scope=own_mode,
    attributes=(
        text("name"),
        _mask_token("customer_token"),
        _mask_token("payment_source_token"),
        flag("is_default", meaning="Ours: the one that the customer prefers."),
        *common(),
    ),
    relationships=(
        Relationship("customer", "customers", near="customer_id"),
        Relationship("payment_method", "payment_methods", near="payment_method_id"),
    ),
    writables=(
        writables.flag("is_default", meaning="The customer's others are no default any more."),
        *writables.common(),
    ),
    updatable=True,
    hooks=Hooks(updated=_make_default),
    meaning="The payment sources that customers saved.",
)
