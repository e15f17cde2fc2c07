"""What the parts of a system say, line by line, each with its part's name before it."""

from typing import IO

from rich.text import Text

from order_factory.cli.terminal import Terminal, printable

WIDTH = 8
_COLOURS = {"server": "cyan", "worker": "green", "api": "magenta", "postgres": "blue"}
# Prefect's server draws its name and lists what it can do; nobody needs that every time.
_DRAWING = set("_ |/\\-'\".,()`│╭╮╰╯─")


def say(terminal: Terminal, part: str, line: str) -> None:
    """Write one line of this part, or of the system itself for "system"."""
    name = Text(f"{part:<{WIDTH}} | ", style=_COLOURS.get(part, "bold"))
    terminal.err.print(name + Text(printable(line)), soft_wrap=True, highlight=False)


def relay(terminal: Terminal, part: str, lines: IO[str]) -> None:
    """Write what the part says until it says nothing more."""
    for line in lines:
        text = line.rstrip()
        if set(text) - _DRAWING:
            say(terminal, part, text)
