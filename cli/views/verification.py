"""The results of `verify`."""

from rich.console import RenderableType
from rich.text import Text

from order_factory.cli.tables import table
from order_factory.models.results.verification import Verification
from order_factory.models.values.counts import format_count


def describe_verification(verification: Verification) -> list[RenderableType]:
    """A row per invariant with its violations, then the meaning of the broken ones."""
    rows = [
        (each.name, each.violations, each.resource, ", ".join(each.examples))
        for each in verification.invariants
    ]
    columns = ("invariant", "#violations", "of", "for example")
    parts: list[RenderableType] = [table(columns, rows)]
    broken = [each for each in verification.invariants if each.violations]
    parts += [Text(f"{each.name}: {each.meaning}", style="red") for each in broken]
    if verification.unbalanced_orders:
        message = (
            f"{verification.unbalanced_orders:,} orders that are not copies have lines that do not "
            "add up to their amounts. This is not a violation, but copies of these orders fail."
        )
        parts.append(Text(message, style="yellow"))
    return [*parts, describe_verdict(verification)]


def describe_verdict(verification: Verification) -> Text:
    """The outcome in one line."""
    edited = f" ({verification.edited_copies:,} edited since, compared in part)"
    compared = f"{format_count(verification.copies, 'copy', 'copies')} compared" + (
        edited if verification.edited_copies else ""
    )
    checked = f"{format_count(len(verification.invariants), 'invariant')}, {compared}, {verification.seconds:,.1f} s"
    if verification.violations:
        return Text(
            f"{format_count(verification.violations, 'violation')}: {checked}.", style="bold red"
        )
    return Text(f"No violation: {checked}.", style="green")
