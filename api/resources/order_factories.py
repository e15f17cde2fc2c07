"""Order factories and the two kinds of them: order copies and recurring order copies."""

from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, and_, select

from order_factory.api.resources import writables
from order_factory.api.resources.attributes import (
    common,
    copy_changes,
    copy_options,
    integer,
    json_object,
    own_mode,
    text,
    time,
)
from order_factory.api.resources.description import (
    Broken,
    Hooks,
    Relationship,
    ResourceType,
    Row,
    Scope,
    Values,
)
from order_factory.models.tables import OrderFactory, OrderSubscription
from order_factory.models.values.copy_options import OPTIONS
from order_factory.models.values.public_ids import Resource as PublicIds
from order_factory.models.values.statuses import FactoryStatus, FactoryType, SubscriptionStatus
from order_factory.tasks.factories.deletion import delete_factory
from order_factory.tasks.factories.records import record_creation
from order_factory.tasks.working_set.statements import table_of

_subscription = table_of(OrderSubscription)
_ATTRIBUTES = (
    text("status", nullable=False, one_of=tuple(FactoryStatus), meaning="How far it has come."),
    time("started_at"),
    time("completed_at"),
    time("failed_at"),
    json_object("errors_log", meaning="Field name to the list of messages."),
    integer("errors_count", nullable=False, meaning="Number of messages in errors_log."),
    *copy_options(),
    *copy_changes(),
    text(
        "applied_repeat_skus",
        meaning="The rules for SKUs that its lines followed; null if no rule was about a line. Ours.",
    ),
)
_RELATIONSHIPS = (
    Relationship("target_order", "orders", near="target_order_id", meaning="The copy."),
    Relationship(
        "merged_order",
        "orders",
        near="merged_order_id",
        meaning="Ours: the open order that the copy was merged into.",
    ),
    Relationship("events", "events", near="id", far="order_factory_id", many=True),
    Relationship("order_factory_batch", "order_factory_batches", near="batch_id"),
)
_SUBSCRIPTION = Relationship(
    "order_subscription",
    "order_subscriptions",
    near="order_subscription_id",
    meaning="The subscription that asked for the copy, if one did.",
)
_SOURCE = Relationship(
    "source_order",
    "orders",
    near="source_order_id",
    writable=True,
    required=True,
    meaning="The order that is copied.",
)


def _make_scope(kind: FactoryType) -> Scope:
    def scope(row: FromClause, mode: str) -> ColumnElement[bool]:
        return and_(row.c.mode == mode, row.c.type == kind)

    return scope


def _fill(_db: Connection, mode: str, values: Values, known: Row | None) -> None:
    if known is None:
        values |= {"type": FactoryType.ORDER_COPIES, "mode": mode, "status": FactoryStatus.PENDING}


def _record_creation(db: Connection, key: int, values: Values) -> None:
    record_creation(db, key, values["created_at"])


def _delete(db: Connection, row: Row) -> None:
    delete_factory(db, row["id"])


def _fill_recurring(db: Connection, mode: str, values: Values, known: Row | None) -> None:
    """Complete a copy that a client requests for a subscription, without a period."""
    if known is not None:
        return
    subscription = db.execute(
        select(_subscription).where(_subscription.c.id == values["order_subscription_id"])
    ).one()
    if subscription.status == SubscriptionStatus.CANCELLED:
        raise Broken("must not be cancelled", "order_subscription")
    if values.get("source_order_id") is None:
        values["source_order_id"] = subscription.template_order_id or subscription.source_order_id
    for name in OPTIONS:
        values.setdefault(name, subscription._mapping[name])
    values |= {
        "type": FactoryType.RECURRING_ORDER_COPIES,
        "mode": mode,
        "status": FactoryStatus.PENDING,
    }


def _resource(
    name: str, scope: Scope, *relationships: Relationship, **options: Any
) -> ResourceType:
    return ResourceType(
        name,
        ids=PublicIds.order_factories,
        table=table_of(OrderFactory),
        scope=scope,
        relationships=(*relationships, *_RELATIONSHIPS),
        **options,
    )


ORDER_FACTORIES = _resource(
    "order_factories",
    own_mode,
    _SOURCE,
    attributes=(*_ATTRIBUTES, *common()),
    meaning="Order copies and recurring order copies, in one list.",
)
ORDER_COPIES = _resource(
    FactoryType.ORDER_COPIES.value,
    _make_scope(FactoryType.ORDER_COPIES),
    _SOURCE,
    _SUBSCRIPTION,
    attributes=(*_ATTRIBUTES, *common()),
    writables=(
        *writables.copy_options(update=False),
        *writables.copy_changes(update=False),
        *writables.common(),
    ),
    creatable=True,
    updatable=True,
    deletable=True,
    hooks=Hooks(fill=_fill, created=_record_creation, created_keeps_row=True, delete=_delete),
    meaning="One order to be copied into another; created pending, copied soon after.",
)
RECURRING_ORDER_COPIES = _resource(
    FactoryType.RECURRING_ORDER_COPIES.value,
    _make_scope(FactoryType.RECURRING_ORDER_COPIES),
    replace(_SOURCE, required=False, meaning="The order that is copied; else the subscription's."),
    replace(_SUBSCRIPTION, writable=True, required=True),
    attributes=(
        *_ATTRIBUTES,
        time("period_at"),
        integer("attempt", meaning="Ours: 1, or more where the copies before failed."),
        time("retry_at"),
        *common(),
    ),
    writables=(
        *writables.copy_options(update=False),
        *writables.common(),
    ),
    creatable=True,
    updatable=True,
    deletable=True,
    hooks=Hooks(
        fill=_fill_recurring, created=_record_creation, created_keeps_row=True, delete=_delete
    ),
    meaning="Order copies that a subscription asked for, one for each of its periods.",
)
# The resources whose rows are order factories.
FACTORIES = tuple(each.name for each in (ORDER_FACTORIES, ORDER_COPIES, RECURRING_ORDER_COPIES))
