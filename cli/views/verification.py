"""The results of `verify`."""

from rich.console import RenderableType
from rich.text import Text

from order_factory.cli.tables import table
from order_factory.models.results.verification import Verification
from order_factory.models.values.counts import count_of


def describe_verification(found: Verification) -> list[RenderableType]:
    """A row per invariant with its violations, then the meaning of the broken ones."""
    rows = [
        (each.name, each.violations, each.resource, ", ".join(each.examples))
        for each in found.invariants
    ]
    columns = ("invariant", "#violations", "of", "for example")
    parts: list[RenderableType] = [table(columns, rows)]
    broken = [each for each in found.invariants if each.violations]
    parts += [Text(f"{each.name}: {each.meaning}", style="red") for each in broken]
    if found.unbalanced_orders:
        message = (
            f"{found.unbalanced_orders:,} orders that are no copies have lines that do not add up to "
            "their amounts. That is no violation, but copies of them fail."
        )
        parts.append(Text(message, style="yellow"))
    return [*parts, describe_verdict(found)]


def describe_verdict(found: Verification) -> Text:
    """The outcome in one line."""
    edited = f" ({found.edited_copies:,} edited since, compared in part)"
    compared = f"{count_of(found.copies, 'copy', 'copies')} compared" + (
        edited if found.edited_copies else ""
    )
    checked = f"{count_of(len(found.invariants), 'invariant')}, {compared}, {found.seconds:,.1f} s"
    if found.violations:
        return Text(f"{count_of(found.violations, 'violation')}: {checked}.", style="bold red")
    return Text(f"No violation: {checked}.", style="green")
