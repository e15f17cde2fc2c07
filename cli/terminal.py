"""The output of a command: results on stdout, everything else on stderr."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

FILE_WIDTH = 120


class OutputClosed(Exception):
    """The reader of the output closed it, as `head` does."""


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise OutputClosed


class Terminal:
    """Where a command writes. With `as_json`, stdout gets one JSON document and nothing else.

    `on_interrupt` returns the message after Ctrl-C: the state, and how to continue.
    """

    def __init__(self) -> None:
        self.as_json = False
        self.verbose = False
        self.debug = os.environ.get("ORDER_FACTORY_DEBUG", "").lower() not in ("", "0", "false")
        self.on_interrupt: Callable[[], str] = lambda: "Stopped. No order is half-written."
        self.out = _make_console(stderr=False)
        self.err = _make_console(stderr=True)

    def show(self, document: dict[str, Any], *parts: RenderableType) -> None:
        """Write the result: the document as JSON, or the parts for a person."""
        if self.as_json:
            self._write(json.dumps(document, indent=2, default=_convert_to_json) + "\n")
            return
        for above, part in zip((None, *parts), parts, strict=False):
            if above is not None and not (isinstance(above, Text) and isinstance(part, Text)):
                self.out.print()
            # Only tables are fitted to the width: a person can copy any other line as a whole.
            self.out.print(part, soft_wrap=not isinstance(part, Table), highlight=False)

    def _write(self, text: str) -> None:
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError as error:
            raise OutputClosed from error

    def note(self, text: str) -> None:
        """Write a message to stderr."""
        self.err.print(Text(printable(text)), soft_wrap=True)

    def fail(self, code: str, message: str) -> None:
        """Write the error that ended the command."""
        if self.as_json:
            self.show({"error": {"code": code, "message": message}})
        else:
            self.err.print(
                Text.assemble(("Error: ", "bold red"), printable(message)), soft_wrap=True
            )

    def stopped(self) -> None:
        """Write the message after Ctrl-C."""
        message = self.on_interrupt()
        if self.as_json:
            self.fail("interrupted", message)
        else:
            self.note(message)

    @contextmanager
    def working(self, text: str) -> Iterator[Callable[[str], None]]:
        """Show a status inside the block; the yielded function changes its text."""
        if not self.err.is_terminal:
            self.note(text)
            yield self.note
            return
        with self.err.status(text) as status:
            yield status.update


def printable(value: object) -> str:
    """The value as text without control characters; None becomes a dash."""
    if value is None:
        return "-"
    text = str(value)
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def _convert_to_json(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    raise TypeError(type(value).__name__)


def _make_console(*, stderr: bool) -> Console:
    console = _Console(stderr=stderr)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = FILE_WIDTH
    return console
