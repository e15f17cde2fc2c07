"""The tables of the help. A narrow terminal shows the names of all options in full, too."""

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text
from typer import rich_utils

# Typer's cells of an option, after the mark of a required one.
_LONG, _SHORT, _OFF, _SHORT_OFF, _TYPE, _HELP = range(6)
_CELLS = 6
# The rest of 80 columns must hold `no-ignore-invalid-coupon]`, the longest word of the texts.
_WIDTH_OF_TYPES = 13


class OptionTable(Table):
    """A table that shows `--no-again` below `--again`.

    Typer has a column for each of them, and would cut both off in a terminal with 80 columns.
    """

    def add_row(self, *cells: RenderableType | None, **settings: object) -> None:
        required, option = cells[:-_CELLS], cells[-_CELLS:]
        if len(option) < _CELLS or len(required) > 1:
            super().add_row(*cells, **settings)  # type: ignore[arg-type]
            return
        names = [cell for cell in (option[_LONG], option[_OFF]) if str(cell)]
        if not self.columns:
            for _ in required:
                self.add_column()
            self.add_column(no_wrap=True)
            self.add_column()
            self.add_column(overflow="fold", max_width=_WIDTH_OF_TYPES)
            self.add_column(overflow="fold")
        name = Text("\n").join(cell for cell in names if isinstance(cell, Text))
        short = option[_SHORT] if str(option[_SHORT]) else option[_SHORT_OFF]
        kind = "" if str(option[_TYPE]) == "<bool>" else option[_TYPE]
        super().add_row(*required, name, short, kind, option[_HELP], **settings)  # type: ignore[arg-type]


def show_options_in_full() -> None:
    """Make Typer use this table. Tables without options do not change."""
    vars(rich_utils)["Table"] = OptionTable
