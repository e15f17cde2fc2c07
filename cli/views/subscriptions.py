"""Order subscriptions: a list, one subscription, a run, and a preview."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from order_factory.cli.tables import describe_page, facts, next_steps, table
from order_factory.models.results.copies import OrderRef
from order_factory.models.results.subscriptions import SubscriptionPreview, SubscriptionRun
from order_factory.models.values.money import format_money


def describe_subscriptions(
    subscriptions: Sequence[Mapping[str, Any]],
    total: int,
    page: int,
    limit: int,
    overdue_since: datetime | None,
) -> list[RenderableType]:
    """A row per subscription, and a warning when due renewals are overdue."""
    late = any(each["overdue_since"] for each in subscriptions)
    columns = ["number", "status", "frequency", "order", "next run", "#ran", "#errors"]
    if late:
        columns.append("overdue since")
    rows = [
        (
            each["number"],
            each["status"],
            each["frequency"],
            each["source_order"],
            each["next_run_at"],
            each["occurrencies"],
            each["errors_count"],
            *([each["overdue_since"]] if late else []),
        )
        for each in subscriptions
    ]
    parts = describe_page("order subscriptions", columns, rows, total, page, limit)
    if not total:
        parts.append(next_steps(["subscriptions", "create", "ORDER", "--frequency", "monthly"]))
    if overdue_since is not None:
        parts.append(
            Text(
                f"Overdue since {overdue_since:%Y-%m-%d %H:%M} UTC: no run has copied the due "
                "orders. Check that the schedule runs.",
                style="bold red",
            )
        )
        parts.append(next_steps(["subscriptions", "run"]))
    return parts


def describe_subscription(subscription: Mapping[str, Any]) -> list[RenderableType]:
    """All attributes, then the items, then the latest copies."""
    own = [
        (name.replace("_", " "), value)
        for name, value in subscription.items()
        if name not in ("items", "copies", "number")
    ]
    parts: list[RenderableType] = [facts(own, title=f"Order subscription {subscription['number']}")]
    if subscription["items"]:
        rows = [
            (
                item["sku_code"] or item["bundle_code"],
                item["quantity"],
                format_money(item["total_amount_cents"], item["currency_code"]),
            )
            for item in subscription["items"]
        ]
        parts.append(table(("item", "#quantity", "#total"), rows))
    if subscription["copies"]:
        columns = ("period", "#attempt", "status", "order", "tried again", "what is wrong")
        copies = [
            (
                copy["period_at"],
                copy["attempt"],
                copy["status"],
                copy["target_order"],
                copy["retry_at"],
                _list_errors(copy["errors_log"]),
            )
            for copy in subscription["copies"]
        ]
        parts.append(table(columns, copies))
    return parts


def describe_run(run: SubscriptionRun) -> list[RenderableType]:
    """The outcome of a run, and its errors."""
    outcome = run.outcome
    parts: list[RenderableType] = [Text(f"{outcome[0].upper()}{outcome[1:]}.")]
    if run.errors:
        columns = ("field", "error", "#orders", "for example order", "which says")
        rows = [
            (error.field, error.code, error.orders, error.example_order, error.example_message)
            for error in run.errors
        ]
        parts.append(table(columns, rows, title="What was wrong"))
        parts.append(next_steps(["subscriptions", "list"]))
    return parts


def describe_preview(preview: SubscriptionPreview) -> list[RenderableType]:
    """The upcoming copies, and those that would fail."""
    last_day = f"{preview.until:%Y-%m-%d}"
    if not preview.subscriptions and not preview.failing:
        return [Text(f"Nothing will be copied up to {last_day}.")]
    listed = len(preview.upcoming)
    summary = f"Subscriptions with a copy up to {last_day}: {preview.subscriptions:,}"
    parts: list[RenderableType] = [
        table(
            ("when", "subscription", "order"),
            [
                (each.period_at, each.subscription.number, _name_order(each.source_order))
                for each in preview.upcoming
            ],
        ),
        Text(f"{summary}; listed copies, oldest first: {listed:,}."),
    ]
    if not preview.failing:
        return [*parts, Text("Today none of them would fail.")]
    rows = [
        (each.subscription.number, _name_order(each.source_order), _list_errors(each.errors_log))
        for each in preview.failures
    ]
    title = f"{preview.failing:,} of them would fail today"
    return [*parts, table(("subscription", "order", "what is wrong"), rows, title=title)]


def _name_order(order: OrderRef) -> str:
    return order.number or order.id


def _list_errors(log: Mapping[str, Sequence[str]] | None) -> str | None:
    problems = [message for messages in (log or {}).values() for message in messages]
    return "\n".join(problems) or None
