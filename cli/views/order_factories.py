"""One order factory in detail, and the list of order factories."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from order_factory.cli.tables import Cell, describe_page, facts, next_steps, table
from order_factory.cli.terminal import printable
from order_factory.models.results.copies import (
    OrderFactoryPreview,
    OrderFactoryResult,
    OrderRef,
    name_action,
    name_order,
)
from order_factory.models.results.differences import Difference
from order_factory.models.values.copy_options import CHANGES, OPTIONS
from order_factory.models.values.statuses import FactoryStatus

_COLOURS = {FactoryStatus.COMPLETED: "green", FactoryStatus.FAILED: "red"}


def describe_copy(result: OrderFactoryResult) -> list[RenderableType]:
    """The outcome of a copy in a sentence, its errors, and whether an earlier call made it."""
    if result.made_before:
        message = (
            f"An earlier call with the same name recorded this copy (order factory {result.id}). "
            "The order is not copied twice. Use --again to make another copy."
        )
        plain = result.model_copy(update={"made_before": False})
        return [*describe_copy(plain), Text(printable(message))]
    source = result.source_order.number or result.source_order.id
    action = name_action(result)
    if result.status == FactoryStatus.FAILED:
        summary = f"Order {source} could not be copied."
        if result.target_order is not None:
            target = _describe_order(result.target_order)
            summary = f"Order {source} was {action} to order {target}, but could not be placed."
    elif set(result.errors_log or {}) == {"source_order"}:
        target = _describe_order(result.target_order)
        summary = f"Order {source} was {action} to order {target}, but could not be cancelled."
    elif result.errors_count:
        summary = (
            f"Order {source} was {action} in part, to order {_describe_order(result.target_order)}."
        )
    else:
        target = f" to order {name_order(result.target_order)}" if result.target_order else ""
        summary = f"Order {source} was {action}{target}."
    headline = Text(printable(summary), style=_COLOURS.get(result.status, "yellow"))
    return [headline, *_list_errors(result)]


def describe_preview(preview: OrderFactoryPreview) -> list[RenderableType]:
    """How the copy would end, and how it would differ from its source."""
    target = preview.target_order
    would = "could not be copied" if target is None else f"would be copied, and be {target.status}"
    if target is not None and name_action(preview) == "added":
        would = f"would be added to order {name_order(target)}"
    source = preview.source_order.number or preview.source_order.id
    headline = Text(printable(f"Order {source} {would}. This was a dry run; nothing was changed."))
    return [headline, *_list_errors(preview), *describe_differences(preview.differences)]


def describe_differences(differences: Sequence[Difference] | None) -> list[RenderableType]:
    """How a copy differs from its source order, and why."""
    if differences is None:
        return [Text("No copy was made, so there is nothing to compare.")]
    if not differences:
        return [Text("The copy is as its source order.")]
    rows = [(each.part, each.what, each.before, each.after, each.reason) for each in differences]
    return [table(("part", "what", "source", "copy", "why"), rows)]


def describe_factory(
    result: OrderFactoryResult, events: Sequence[Mapping[str, Any]]
) -> list[RenderableType]:
    """All attributes, then the errors, then the events."""
    metadata = None if result.metadata is None else json.dumps(result.metadata, indent=2)
    attributes = [
        ("status", result.status),
        ("type", result.type),
        ("mode", result.mode),
        ("source order", _describe_order(result.source_order)),
        ("target order", _describe_order(result.target_order)),
        ("created at", result.created_at),
        ("started at", result.started_at),
        ("completed at", result.completed_at),
        ("failed at", result.failed_at),
        *((name.replace("_", " "), getattr(result, name)) for name in OPTIONS),
        *_list_changes(result),
        ("errors", result.errors_count),
        ("reference", result.reference),
        ("reference origin", result.reference_origin),
        ("metadata", metadata),
        ("batch", result.batch_reference),
        ("flow run", result.flow_run_id),
    ]
    history = table(("event", "at"), [(event["name"], event["created_at"]) for event in events])
    title = f"Order factory {result.id}"
    return [facts(attributes, title=title), *_list_errors(result), history]


def _list_changes(result: OrderFactoryResult) -> list[tuple[str, str]]:
    """The changes that were asked for."""
    given = {name: getattr(result, name) for name in CHANGES}
    return [
        (name.replace("_", " "), value if isinstance(value, str) else json.dumps(value))
        for name, value in given.items()
        if value is not None
    ]


def describe_factories(
    factories: Sequence[Mapping[str, Any]], total: int, page: int, limit: int
) -> list[RenderableType]:
    """A row per order factory, and the suggested next command."""
    columns = ("id", "status", "source order", "target order", "#errors", "batch", "recorded")
    rows = [
        (
            each["id"],
            each["status"],
            each["source_order"],
            each["target_order"],
            each["errors_count"],
            each["batch_reference"],
            each["created_at"],
        )
        for each in factories
    ]
    parts = describe_page("order factories", columns, rows, total, page, limit)
    return [*parts, next_steps(["show", factories[0]["id"]])] if factories else parts


def _list_errors(result: OrderFactoryResult) -> list[RenderableType]:
    rows: list[tuple[Cell, Cell]] = [
        (field, message)
        for field, messages in (result.errors_log or {}).items()
        for message in messages
    ]
    return [table(("field", "what is wrong"), rows)] if rows else []


def _describe_order(order: OrderRef | None) -> str | None:
    if order is None:
        return None
    named = f"{order.number} ({order.id})" if order.number else order.id
    return f"{named}, {order.status}"
