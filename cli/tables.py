"""Tables that are read on a terminal: plain text in every cell, numbers at the right."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from order_factory.cli.program import command_line
from order_factory.cli.terminal import printable

Cell = Any


def table(
    columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, title: str | None = None
) -> Table:
    """A table; a column whose name begins with `#` holds numbers."""
    made = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold")
    made.show_edge = made.pad_edge = False
    for name in columns:
        number = name.startswith("#")
        made.add_column(
            name.removeprefix("#"), justify="right" if number else "left", overflow="fold"
        )
    for row in rows:
        made.add_row(*(_cell(value) for value in row))
    return made


def facts(rows: Iterable[tuple[str, Cell]], *, title: str | None = None) -> Table:
    """Names and their values, one pair a line."""
    made = Table(box=None, show_header=False, title=title, title_justify="left", pad_edge=False)
    made.title_style = "bold"
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in rows:
        made.add_row(name, _cell(value))
    return made


def next_steps(*commands: Sequence[str]) -> Group:
    """What to type next, one command a line; a command is the arguments of this program."""
    lines = "\n".join(f"  {printable(command_line(*arguments))}" for arguments in commands)
    return Group(Text.assemble(("Next:\n", "bold"), lines))


def _cell(value: Cell) -> Text:
    if isinstance(value, bool):
        value = "yes" if value else "no"
    if isinstance(value, datetime):
        value = f"{value:%Y-%m-%d %H:%M:%S} UTC"
    if isinstance(value, int):
        value = f"{value:,}"
    return Text(printable(value))
