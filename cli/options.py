"""Options of several commands. Their callbacks set the terminal; the commands ignore the values."""

from typing import Annotated, Literal

import typer

from order_factory.cli.terminal import Terminal


def terminal_of(context: typer.Context) -> Terminal:
    """The terminal that `main` passed to the command."""
    terminal = context.find_object(Terminal)
    assert terminal is not None
    return terminal


def _write_json(context: typer.Context, given: bool) -> None:
    terminal_of(context).as_json |= given


def _show_log(context: typer.Context, given: bool) -> None:
    terminal_of(context).verbose |= given


def _show_trace(context: typer.Context, given: bool) -> None:
    terminal_of(context).debug |= given


AsJson = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Write one JSON document to stdout.",
        callback=_write_json,
        is_eager=True,
    ),
]
Verbose = Annotated[
    bool,
    typer.Option("--verbose", help="Show Prefect's log.", callback=_show_log, is_eager=True),
]
Debug = Annotated[
    bool,
    typer.Option(
        "--debug",
        help="Show the stack trace of an unexpected error (or set ORDER_FACTORY_DEBUG=1).",
        callback=_show_trace,
        is_eager=True,
    ),
]
Mode = Annotated[
    Literal["live", "test"],
    typer.Option("--mode", help="Use live orders or test orders."),
]
