"""Read subscriptions for people: a page of them, or one with its items and copies."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, select

from order_factory.models.database.pages import read_page
from order_factory.models.tables import Order
from order_factory.models.values.copy_options import OPTIONS
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.models.values.statuses import SubscriptionStatus
from order_factory.tasks.subscriptions.due import factory, subscription
from order_factory.tasks.subscriptions.overdue import find_overdue_period
from order_factory.tasks.subscriptions.templates import item
from order_factory.tasks.working_set.statements import table_of

_order = table_of(Order)
_COPIES_SHOWN = 20
_SHOWN = (
    "number",
    "status",
    "mode",
    "frequency",
    "time_zone",
    "starts_at",
    "expires_at",
    "next_run_at",
    "last_run_at",
    "occurrencies",
    "errors_count",
    "succeeded_on_last_run",
    *OPTIONS,
    "activate_by_source_order",
    "catch_up",
    "retry_after",
    "after_failure",
    "while_open",
    "end_with_source_order",
    "status_reason",
    "reference",
)


def list_subscriptions(
    db: Connection, status: SubscriptionStatus | None, page: int, limit: int, now: datetime
) -> tuple[list[dict[str, Any]], int]:
    """Return a page of subscriptions, newest first, and their total number.

    The rows hold no customer data. `overdue_since` is the due period that no run has begun.
    """
    wanted = [] if status is None else [subscription.c.status == status]
    rows, total = read_page(db, _select_rows(now), subscription.c.id, wanted, page, limit)
    return [_present(row) for row in rows], total


def read_subscription(db: Connection, key: int, now: datetime) -> dict[str, Any]:
    """Return a subscription with its `items` and its latest `copies`."""
    result = _present(
        db.execute(_select_rows(now).where(subscription.c.id == key)).mappings().one()
    )
    items = select(item.c.sku_code, item.c.bundle_code, item.c.quantity, item.c.unit_amount_cents)
    items = items.add_columns(item.c.total_amount_cents, item.c.currency_code)
    items = items.where(item.c.order_subscription_id == key).order_by(item.c.id)
    copies = (
        select(
            factory.c.id,
            factory.c.period_at,
            factory.c.attempt,
            factory.c.status,
            factory.c.retry_at,
            factory.c.errors_log,
            _order.c.number.label("target_order"),
        )
        .outerjoin(_order, _order.c.id == factory.c.target_order_id)
        .where(factory.c.order_subscription_id == key)
        .order_by(factory.c.id.desc())
        .limit(_COPIES_SHOWN)
    )
    return result | {
        "items": [dict(row) for row in db.execute(items).mappings()],
        "copies": [_present_copy(row) for row in db.execute(copies).mappings()],
    }


def _select_rows(now: datetime) -> Select[Any]:
    shown = [*(subscription.c[name] for name in _SHOWN), find_overdue_period(now)]
    return select(
        subscription.c.id, *shown, _order.c.id.label("order_id"), _order.c.number.label("source")
    ).join(_order, _order.c.id == subscription.c.source_order_id)


def _present(row: RowMapping) -> dict[str, Any]:
    values = {name: row[name] for name in (*_SHOWN, "overdue_since")}
    source = row["source"] or public_id(Resource.orders, row["order_id"])
    key = public_id(Resource.order_subscriptions, row["id"])
    return {"id": key, **values, "source_order": source}


def _present_copy(row: RowMapping) -> dict[str, Any]:
    return dict(row) | {"id": public_id(Resource.order_factories, row["id"])}
