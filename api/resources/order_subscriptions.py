"""Order subscriptions and their items."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, delete, exists, select

from order_factory.api.resources import writables
from order_factory.api.resources.attributes import (
    amount,
    common,
    copy_options,
    flag,
    integer,
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
    Writable,
)
from order_factory.api.resources.events import events_of
from order_factory.models.errors import CannotTransition, InvalidRequest
from order_factory.models.requests.subscriptions import EXPIRES_LATER, SubscriptionOptions
from order_factory.models.tables import (
    CustomerPaymentSource,
    Order,
    OrderFactory,
    OrderSubscription,
    OrderSubscriptionItem,
)
from order_factory.models.tables.base import utc_now
from order_factory.models.values.frequencies import (
    FREQUENCY_MEANING,
    check_frequency,
    check_time_zone,
)
from order_factory.models.values.public_ids import Resource as PublicIds
from order_factory.models.values.retry_delays import check_retry_after
from order_factory.models.values.statuses import (
    AfterFailure,
    CatchUp,
    ItemType,
    SubscriptionStatus,
    WhileOpen,
)
from order_factory.models.values.texts import MAX_TEXT
from order_factory.tasks.subscriptions.creation import create_subscription
from order_factory.tasks.subscriptions.deletion import delete_subscription
from order_factory.tasks.subscriptions.events import record_new_status
from order_factory.tasks.subscriptions.items import (
    convert_to_automatic,
    require_another_item,
    sum_options_cents,
)
from order_factory.tasks.subscriptions.planning import find_first_period
from order_factory.tasks.subscriptions.templates import rebuild_template
from order_factory.tasks.subscriptions.transitions import Trigger, plan_changes, stop_copies
from order_factory.tasks.working_set.statements import table_of

_subscription, _item = table_of(OrderSubscription), table_of(OrderSubscriptionItem)
_of_item = _subscription.alias("subscription_of_item")
_saved = table_of(CustomerPaymentSource)
_TRIGGERS = {f"_{trigger}": trigger for trigger in Trigger}
_CONVERT = "_convert"
_CALENDAR = {"frequency", "time_zone", "expires_at"}


def _make_checked_text(name: str, check: Callable[[str], str | None], **options: Any) -> Writable:
    """Return a writable text. Its rule raises `ValueError` with a message."""

    def checked(value: Any) -> str | None:
        try:
            return check(writables.text(name, longest=MAX_TEXT).check(value))
        except ValueError as error:
            raise Broken(error.args[0]) from error

    return Writable(name, Type.TEXT, checked, **options)


def _trigger(name: str, meaning: str) -> Writable:
    return writables.flag(name, create=False, meaning=meaning)


def _fill(db: Connection, _mode: str, values: Values, known: Row | None) -> None:
    if known is None:
        starts_at = values.setdefault("starts_at", utc_now()) or utc_now()
    else:
        starts_at = known["starts_at"]
    expires_at = values.get("expires_at")
    if expires_at is not None and expires_at <= starts_at:
        raise Broken(EXPIRES_LATER, "expires_at")
    if known is not None:
        _update(db, values, known)


def _update(db: Connection, values: Values, known: Row) -> None:
    """Compute the results of a change: the next period, and the values of the triggers."""
    now = utc_now()
    harmless = DESCRIPTIVE | {f"_{Trigger.CANCEL}"}
    if known["status"] == SubscriptionStatus.CANCELLED and not values.keys() <= harmless:
        raise Broken("cannot be changed: the order subscription is cancelled", "status")
    _check_payment_source(db, values, known)
    converts = values.pop(_CONVERT, False)
    requested = [trigger for name, trigger in _TRIGGERS.items() if values.pop(name, False)]
    goes_on = known["status"] in (SubscriptionStatus.ACTIVE, SubscriptionStatus.RUNNING)
    if values.get("next_run_at") is not None:
        if values["next_run_at"] <= now:
            raise Broken("must be in the future", "next_run_at")
        if not goes_on:
            raise Broken(f"cannot be set: the subscription is {known['status']}", "next_run_at")
    elif goes_on and values.keys() & _CALENDAR:
        values["next_run_at"] = find_first_period(SimpleNamespace(**{**known, **values}), now)
    try:
        for trigger in requested:
            values |= plan_changes(db, SimpleNamespace(**{**known, **values}), trigger, now)
        if converts:
            convert_to_automatic(db, known["id"], now)
    except CannotTransition as error:
        raise Broken(str(error), "status") from error
    except InvalidRequest as error:
        raise Broken(str(error), _CONVERT) from error


def _check_payment_source(db: Connection, values: Values, known: Row) -> None:
    key = values.get("customer_payment_source_id")
    if key is None:
        return
    owner = db.scalar(select(_saved.c.customer_id).where(_saved.c.id == key))
    if owner != known["customer_id"]:
        raise Broken("must be in the wallet of the customer", "customer_payment_source")


def _insert(db: Connection, _mode: str, values: Values) -> int:
    given = dict(values)
    source = given.pop("source_order_id")
    return create_subscription(db, source, SubscriptionOptions(**given), utc_now())


def _follow_update(db: Connection, key: int, values: Values) -> None:
    now = values["updated_at"]
    if "customer_payment_source_id" in values:
        rebuild_template(db, key, now)
    if "status" in values:
        record_new_status(db, values["status"], _subscription.c.id == key, now)
        stop_copies(db, select(_subscription.c.id).where(_subscription.c.id == key), now)


def _delete(db: Connection, row: Row) -> None:
    delete_subscription(db, row["id"])


ORDER_SUBSCRIPTIONS = ResourceType(
    "order_subscriptions",
    ids=PublicIds.order_subscriptions,
    table=_subscription,
    scope=own_mode,
    attributes=(
        text("number", nullable=False),
        text("status", nullable=False, one_of=tuple(SubscriptionStatus)),
        text("frequency", nullable=False, meaning=FREQUENCY_MEANING),
        flag(
            "activate_by_source_order",
            meaning="Activate the subscription once the source order is placed.",
        ),
        *copy_options(),
        integer("renewal_alert_period", meaning="In hours; without effect as yet."),
        text("customer_email"),
        time("starts_at", nullable=False),
        time("expires_at"),
        time("last_run_at"),
        time("next_run_at"),
        integer("occurrencies", nullable=False, meaning="How many periods were carried out."),
        integer("errors_count", nullable=False, meaning="How many copies failed."),
        flag("succeeded_on_last_run", nullable=True),
        text(
            "time_zone",
            nullable=False,
            meaning="Ours: the time zone of the schedule, an IANA name such as Europe/Rome.",
        ),
        text(
            "catch_up",
            nullable=False,
            one_of=tuple(CatchUp),
            meaning="Ours: how many of the periods that were missed are copied.",
        ),
        text(
            "retry_after",
            meaning="Ours: when a copy that failed for its payment or stock is tried again, as "
            "1d 3d 5d, each from the attempt before.",
        ),
        text(
            "after_failure",
            nullable=False,
            one_of=tuple(AfterFailure),
            meaning="Ours: what becomes of it when a copy has failed permanently.",
        ),
        text(
            "while_open",
            nullable=False,
            one_of=tuple(WhileOpen),
            meaning="Ours: whether a period is copied, or waits, while the copy before is not "
            "finished.",
        ),
        flag(
            "end_with_source_order",
            meaning="Ours: it becomes inactive when its source order is cancelled.",
        ),
        text("status_reason", meaning="Ours: why it became inactive without being asked to."),
        *common(),
    ),
    relationships=(
        Relationship(
            "source_order", "orders", near="source_order_id", writable=True, required=True
        ),
        Relationship("customer", "customers", near="customer_id"),
        events_of("order_subscriptions"),
        Relationship(
            "customer_payment_source",
            "customer_payment_sources",
            near="customer_payment_source_id",
            writable=True,
            updatable=True,
            meaning="What pays for the copies, instead of what paid for the source order.",
        ),
        Relationship(
            "order_subscription_items",
            "order_subscription_items",
            near="id",
            far="order_subscription_id",
            many=True,
        ),
        *(
            Relationship(name, name, near="id", far="order_subscription_id", many=True)
            for name in ("order_factories", "recurring_order_copies")
        ),
        Relationship(
            "orders",
            "orders",
            near="id",
            far="id",
            many=True,
            through=Through(
                table_of(OrderFactory), near="order_subscription_id", far="target_order_id"
            ),
            meaning="The copies.",
        ),
    ),
    writables=(
        _make_checked_text("frequency", check_frequency, required=True, nullable=False),
        writables.flag("activate_by_source_order"),
        *writables.copy_options(),
        writables.integer("renewal_alert_period", least=1, most=720),
        writables.time("starts_at", update=False, nullable=False),
        writables.time("expires_at"),
        writables.time("next_run_at", create=False, nullable=False),
        _make_checked_text("time_zone", check_time_zone, nullable=False),
        writables.choice("catch_up", tuple(CatchUp), nullable=False),
        _make_checked_text("retry_after", check_retry_after),
        writables.choice("after_failure", tuple(AfterFailure), nullable=False),
        writables.choice("while_open", tuple(WhileOpen), nullable=False),
        writables.flag("end_with_source_order"),
        _trigger("_activate", "Activate it; its next run is the next period from now on."),
        _trigger("_deactivate", "Make it inactive."),
        _trigger("_cancel", "Cancel it for good."),
        _trigger(_CONVERT, "Make items of the source order's lines with its frequency."),
        *writables.common(),
    ),
    creatable=True,
    updatable=True,
    deletable=True,
    hooks=Hooks(fill=_fill, insert=_insert, updated=_follow_update, delete=_delete),
    meaning="Orders that are copied again and again, by the calendar.",
)


def _item_scope(row: FromClause, mode: str) -> ColumnElement[bool]:
    return exists().where(_of_item.c.id == row.c.order_subscription_id, _of_item.c.mode == mode)


def _fill_item(db: Connection, _mode: str, values: Values, known: Row | None) -> None:
    """Complete an item: the order's currency, and the total of quantity, amount and options."""
    row = {**(known or {}), **values}
    if values.keys() <= DESCRIPTIVE:
        return
    currency = select(table_of(Order).c.currency_code, _of_item.c.status)
    currency = currency.join(_of_item, _of_item.c.source_order_id == table_of(Order).c.id)
    subscription = db.execute(currency.where(_of_item.c.id == row["order_subscription_id"])).one()
    if subscription.status == SubscriptionStatus.CANCELLED:
        raise Broken("cannot be changed: it is cancelled", "order_subscription")
    if (row.get("sku_code") is None) == (row.get("bundle_code") is None):
        raise Broken("can't be blank without bundle_code, nor given with it", "sku_code")
    kind = ItemType.SKUS if row.get("sku_code") is not None else ItemType.BUNDLES
    extras = sum_options_cents(db, row.get("source_line_item_id"))
    total = row["unit_amount_cents"] * row["quantity"] + extras
    if total > writables.MOST:
        raise Broken(f"makes a total beyond {writables.MOST}", "quantity")
    values |= {
        "item_type": kind,
        "currency_code": subscription.currency_code,
        "total_amount_cents": total,
    }


def _rebuild_template(db: Connection, key: int, values: Values) -> None:
    if not values.keys() <= DESCRIPTIVE:
        rebuild_template(db, _subscription_of(db, key), values["updated_at"])


def _delete_item(db: Connection, row: Row) -> None:
    require_another_item(db, row["id"])
    db.execute(delete(_item).where(_item.c.id == row["id"]))
    rebuild_template(db, row["order_subscription_id"], utc_now())


def _subscription_of(db: Connection, key: int) -> int:
    statement = select(_item.c.order_subscription_id).where(_item.c.id == key)
    return int(db.execute(statement).scalar_one())


ORDER_SUBSCRIPTION_ITEMS = ResourceType(
    "order_subscription_items",
    ids=PublicIds.order_subscription_items,
    table=_item,
    scope=_item_scope,
    attributes=(
        text("sku_code"),
        text("bundle_code"),
        integer("quantity", nullable=False),
        *amount("unit_amount", nullable=False),
        *amount("total_amount", nullable=False),
        *common(),
    ),
    relationships=(
        Relationship(
            "order_subscription",
            "order_subscriptions",
            near="order_subscription_id",
            writable=True,
            required=True,
        ),
        Relationship("sku", "skus", near="sku_code", far="code", writable=True),
        Relationship(
            "item", "skus", near="sku_code", far="code", writable=True, meaning="The SKU, if any."
        ),
        Relationship("source_line_item", "line_items", near="source_line_item_id"),
    ),
    writables=(
        writables.text("sku_code"),
        writables.text("bundle_code"),
        writables.integer("quantity", least=1, most=10**6, required=True, nullable=False),
        writables.integer("unit_amount_cents", least=0, required=True, nullable=False),
        *writables.common(),
    ),
    creatable=True,
    updatable=True,
    deletable=True,
    hooks=Hooks(
        fill=_fill_item, created=_rebuild_template, updated=_rebuild_template, delete=_delete_item
    ),
    meaning="What an automatic subscription delivers, instead of its whole source order.",
)
