"""Write the reference pages from the code: `python -m docs.reference_pages`.

Each page of docs/reference but http-api.md comes from here. A test compares the pages that are
committed with what the code says now.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import typer.main
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from order_factory.api.resources.description import ResourceType
from order_factory.api.resources.registry import RESOURCES
from order_factory.api.settings import ApiSettings
from order_factory.api.targets import Kind, Target
from order_factory.cli.main import app
from order_factory.gateways.settings import StripeSettings, TestGatewaySettings
from order_factory.models import errors
from order_factory.models.settings import Settings
from order_factory.models.values.copy_options import COPY_OPTIONS, EVERY_OPTION, CopyOption
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.event_names import EventName
from order_factory.models.values.topics import TOPICS
from order_factory.tasks.webhooks.settings import WebhookSettings

_PUBLISHED = ("order_factories", "order_factory_batches")
FOLDER = Path(__file__).parent / "reference"
_NOTE = "<!-- Written by docs/reference_pages.py. Change the code, then run `make reference`. -->"
_SETTINGS = (Settings, ApiSettings, WebhookSettings, TestGatewaySettings, StripeSettings)


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """A Markdown table; a pipe or a line break in a cell does not end it."""
    lines = [head, tuple("---" for _ in head), *rows]
    return [f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def commands_page() -> list[str]:
    """Every command with its arguments and options, as `--help` has them."""
    lines = ["# Commands", "", "Every command takes `--help`."]
    for names, command in _commands(typer.main.get_command(app), ()):
        context = typer.Context(command, info_name=" ".join(names))
        usage = " ".join(("order-factory", *names, *command.collect_usage_pieces(context)))
        lines += ["", f"## {' '.join(names)}", "", *_paragraphs(command.help or "")]
        lines += ["", "```", usage, "```"]
        records = [each.get_help_record(context) for each in command.get_params(context)]
        rows = [(f"`{record[0]}`", record[1]) for record in records if record is not None]
        rows = [row for row in rows if not row[0].startswith("`--help")]
        if rows:
            lines += ["", *table(("argument or option", "meaning"), rows)]
        if command.epilog:
            lines += ["", command.epilog]
    return lines


def _commands(command: Any, names: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, inner in getattr(command, "commands", {}).items():
        yield from _commands(inner, (*names, name))
    if names and not hasattr(command, "commands") and not command.hidden:
        yield names, command


def _paragraphs(text: str) -> list[str]:
    return [" ".join(part.split()) + "\n" for part in inspect.cleandoc(text).split("\n\n")]


def settings_page() -> list[str]:
    """Every setting: the variable, what it means, its default."""
    lines = [
        "# Settings",
        "",
        "Settings are read from the environment, then from a `.env` file in the current folder.",
    ]
    for settings in _SETTINGS:
        prefix = settings.model_config.get("env_prefix", "")
        (title, *_) = inspect.cleandoc(settings.__doc__ or "").split("\n")
        rows = [
            (f"`{prefix}{name}`".upper(), field.description or "", _default_of(field))
            for name, field in settings.model_fields.items()
        ]
        lines += ["", f"## {title.split(';')[0].rstrip('.')}", ""]
        lines += table(("variable", "meaning", "default"), rows)
    return lines


def _default_of(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, SecretStr) or value is None or value == []:
        return ""
    return f"`{value}`"


def errors_page() -> list[str]:
    """What can be wrong with a call; what is wrong with an order is on the same page."""
    kinds = [
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.OrderFactoryError) and kind is not errors.OrderFactoryError
    ]
    rows = [
        (f"`{kind.__name__}`", f"`{kind.code}`", str(kind.status), _summary(kind))
        for kind in sorted(kinds, key=lambda kind: kind.code)
    ]
    return [
        "# Errors",
        "",
        "## Errors of a call",
        "",
        (
            "Nothing was changed when one of these is raised, unless its message says otherwise. "
            "Python raises the exception, the command line prints its message, and the HTTP API "
            "answers with its status and code."
        ),
        "",
        *table(("exception", "code", "status", "message"), rows),
        "",
        "## What can be wrong with an order",
        "",
        (
            "A copy's `errors_log` has the messages under these keys. Each message is also a row of "
            "the table `copy_errors`, with its code. `sku_code` of the row is the SKU that the error "
            "is about, if it is about one."
        ),
        "",
        *table(
            ("code", "key", "meaning"),
            [
                (f"`{code}`", f"`{code.key}`" if code.key else "the step's", code.meaning)
                for code in ErrorCode
            ],
        ),
    ]


def _summary(kind: type[errors.OrderFactoryError]) -> str:
    if kind.detail != "{}":
        return re.sub(r"\{\d?(!r)?\}", "...", kind.detail)
    return inspect.cleandoc(kind.__doc__ or "").split("\n\n")[0]


def options_page() -> list[str]:
    """Every copy option: its default, who has it, what it does."""
    rows = [
        (
            f"`{option.name}`",
            ", ".join(f"`{value}`" for value in option.values or option.forms)
            or _any_value(option),
            _shown(option.default),
            _shown(option.default_of_subscriptions) if option in COPY_OPTIONS else "",
            f"{option.description} Ours." if option.ours else option.description,
        )
        for option in EVERY_OPTION
    ]
    return [
        "# Copy options",
        "",
        (
            "How an order is copied. Python takes an option as a keyword argument, the command line "
            "as a flag such as `--reuse-wallet`, a file as a column, the HTTP API as an attribute, "
            "and an order subscription keeps it for its copies. An option that is ours is not in "
            "the public reference."
        ),
        "",
        *table(("option", "values", "default", "default of subscriptions", "meaning"), rows),
    ]


_TOPICS_LEFT_OUT = [
    (
        "`orders.start_fulfilling`, `orders.fulfill`",
        "Order factory does not fulfill orders.",
    ),
    (
        "`orders.destroy`, `customers.destroy`, `gift_cards.destroy`",
        "These rows cannot be deleted.",
    ),
    (
        "`customer_addresses.create`, `customer_addresses.destroy`",
        "There is no such resource: an address belongs to orders.",
    ),
    (
        "`gift_cards.create`, `gift_cards.activate`, `gift_cards.deactivate`, `gift_cards.redeem`",
        "A gift card records no events. `orders.place` tells that it paid for an order.",
    ),
    (
        "`percentage_discount_promotions.create`, `.destroy`, and those of the other promotions",
        "Promotions come from files alone, and an import records no events for its rows.",
    ),
]


def events_page() -> list[str]:
    """Every event: what is recorded, the topics of webhooks, and what is published to Prefect."""
    recorded = [(f"`{topic}`", meaning) for topic, meaning in TOPICS.items()]
    published = [name for name in EventName if name.resource in _PUBLISHED]
    return [
        "# Events",
        "",
        (
            "Each change of a status is recorded in the transaction that makes it. A "
            "[webhook](../how-to/receive-webhooks.md) subscribes to one topic. An event of a copy "
            "has three topics: `order_factories.*` for all copies, `order_copies.*` and "
            "`recurring_order_copies.*` for one kind of them."
        ),
        "",
        (
            "The bulk import records no events. What copying does to orders (`orders.create`, "
            "`orders.pending`, `orders.place`, `orders.cancel` of a source order) is recorded "
            "while a webhook is subscribed to its topic."
        ),
        "",
        "## Topics of webhooks",
        "",
        *table(("topic", "meaning"), recorded),
        "",
        "### Topics of the reference that do not exist here",
        "",
        "A webhook for one of these topics is refused (422).",
        "",
        *table(("topic", "why"), _TOPICS_LEFT_OUT),
        "",
        "## Events in Prefect",
        "",
        (
            "Ends of copies and batches are also published as Prefect events after the commit: a "
            "batch as one of `.complete`, `.fail` and `.abort`. `order_factories.create` is "
            "published where the setting `ORDER_FACTORY_API_DISPATCH_EVENT` asks for it."
        ),
        "",
        *table(("event", "meaning"), [(f"`{name}`", name.meaning) for name in published]),
    ]


def _any_value(option: CopyOption) -> str:
    return "`true`, `false`" if option.type is bool else ""


def _shown(value: bool | StrEnum | str | None) -> str:
    return "" if value is None else f"`{str(value).lower()}`"


def resources_page() -> list[str]:
    """Every resource of the HTTP API: paths, attributes, relationships."""
    lines = [
        "# Resources",
        "",
        (
            "The resources of the [HTTP API](http-api.md). Their names are those of the public "
            "reference. If a resource or attribute is our own, its meaning says so."
        ),
    ]
    for resource in RESOURCES.values():
        lines += ["", f"## {resource.name}", "", resource.meaning, "", *_paths(resource), ""]
        lines += table(
            ("attribute", "type", "may be set on", "meaning"), list(_attributes(resource))
        )
        if resource.relationships:
            rows = [
                (f"`{each.name}`", f"{'many ' if each.many else ''}`{each.target}`", each.meaning)
                for each in resource.relationships
            ]
            lines += ["", *table(("relationship", "leads to", "meaning"), rows)]
    return lines


def _paths(resource: ResourceType) -> list[str]:
    return [
        f"- `{method} /api/{resource.name}{path}`"
        for kind, path in ((Kind.COLLECTION, ""), (Kind.RESOURCE, "/{id}"))
        for method in Target(kind, resource).methods
        if method != "HEAD"
    ]


def _attributes(resource: ResourceType) -> Iterator[tuple[str, str, str, str]]:
    for attribute in resource.attributes:
        rules = [each for each in resource.writables if each.name == attribute.name]
        create = any(each.create and resource.creatable for each in rules)
        update = any(each.update and resource.updatable for each in rules)
        when = ", ".join(word for word, may in (("create", create), ("update", update)) if may)
        values = ", ".join(f"`{value}`" for value in attribute.one_of)
        meaning = " ".join(part for part in (attribute.meaning, values) if part)
        yield f"`{attribute.name}`", str(attribute.type), when, meaning
    triggers = (each for each in resource.writables if each.name.startswith("_"))
    for trigger in triggers:
        yield f"`{trigger.name}`", "trigger", "update", trigger.meaning


PAGES: dict[str, Callable[[], list[str]]] = {
    "commands.md": commands_page,
    "options.md": options_page,
    "settings.md": settings_page,
    "errors.md": errors_page,
    "events.md": events_page,
    "resources.md": resources_page,
}


def page(name: str) -> str:
    """The text of one page."""
    title, *rest = PAGES[name]()
    lines = [title, "", _NOTE, *rest]
    text = "\n".join(line.rstrip() for line in "\n".join(lines).split("\n"))
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.rstrip("\n") + "\n"


def main() -> None:
    for name in PAGES:
        (FOLDER / name).write_text(page(name), encoding="utf-8")


if __name__ == "__main__":
    main()
