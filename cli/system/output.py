"""The output of a system's parts, line by line, each with the name of its part."""

from typing import IO

from rich.text import Text

from order_factory.cli.terminal import Terminal, printable

WIDTH = 8
_COLOURS = {"server": "cyan", "worker": "green", "api": "magenta", "postgres": "blue"}
# Prefect's server prints a banner at its start, which is left out.
_DRAWING = set("_ |/\\-'\".,()`│╭╮╰╯─")


def say(terminal: Terminal, part: str, line: str) -> None:
    """Write one line of this part; "system" is the system itself."""
    name = Text(f"{part:<{WIDTH}} | ", style=_COLOURS.get(part, "bold"))
    terminal.err.print(name + Text(printable(line)), soft_wrap=True, highlight=False)


def relay(terminal: Terminal, part: str, lines: IO[str]) -> None:
    """Write the part's output until it ends."""
    for line in lines:
        text = line.rstrip()
        if set(text) - _DRAWING:
            say(terminal, part, text)
