"""Tables for a terminal: plain text in every cell, numbers aligned right."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from order_factory.cli.program import command_line
from order_factory.cli.terminal import printable

Cell = Any


def table(
    columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, title: str | None = None
) -> Table:
    """A table; a column whose name starts with `#` holds numbers."""
    result = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold")
    result.show_edge = result.pad_edge = False
    for name in columns:
        number = name.startswith("#")
        result.add_column(
            name.removeprefix("#"), justify="right" if number else "left", overflow="fold"
        )
    for row in rows:
        result.add_row(*(_format_cell(value) for value in row))
    return result


def describe_page(
    nouns: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    total: int,
    page: int,
    limit: int,
) -> list[RenderableType]:
    """One page of a list, newest first, and its position. `nouns` names the listed resources."""
    if not total:
        return [Text(f"There are no such {nouns}.")]
    if not rows:
        return [Text(f"There is no page {page:,}: {total:,} {nouns} make {-(-total // limit):,}.")]
    first = (page - 1) * limit + 1
    last = first + len(rows) - 1
    position = f"{nouns.capitalize()} {first:,} to {last:,} of {total:,}, newest first."
    more = f" --page {page + 1} shows the next." if last < total else ""
    return [table(columns, rows), Text(position + more)]


def facts(rows: Iterable[tuple[str, Cell]], *, title: str | None = None) -> Table:
    """Names and their values, one pair a line."""
    result = Table(box=None, show_header=False, title=title, title_justify="left", pad_edge=False)
    result.title_style = "bold"
    result.add_column(style="dim", no_wrap=True)
    result.add_column(overflow="fold")
    for name, value in rows:
        result.add_row(name, _format_cell(value))
    return result


def next_steps(*commands: Sequence[str]) -> Group:
    """Suggested next commands, one a line; each is a list of this program's arguments."""
    lines = "\n".join(f"  {printable(command_line(*arguments))}" for arguments in commands)
    return Group(Text.assemble(("Next:\n", "bold"), lines))


def _format_cell(value: Cell) -> Text:
    if isinstance(value, bool):
        value = "yes" if value else "no"
    if isinstance(value, datetime):
        value = f"{value:%Y-%m-%d %H:%M:%S} UTC"
    if isinstance(value, int):
        value = f"{value:,}"
    return Text(printable(value))
