"""Options of several commands. Their callbacks set the terminal; the commands ignore the values."""

from typing import Annotated, Literal

import typer

from order_factory.cli.terminal import Terminal
from order_factory.tasks.batches.chunking import BATCH_SIZE


def get_terminal(context: typer.Context) -> Terminal:
    """The terminal that `main` passed to the command."""
    terminal = context.find_object(Terminal)
    assert terminal is not None
    return terminal


def _write_json(context: typer.Context, given: bool) -> None:
    get_terminal(context).as_json |= given


def _show_log(context: typer.Context, given: bool) -> None:
    get_terminal(context).verbose |= given


def _show_trace(context: typer.Context, given: bool) -> None:
    get_terminal(context).debug |= given


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
# The list commands show one page.
Limit = Annotated[
    int, typer.Option("--limit", min=1, max=1000, metavar="N", help="List N per page.")
]
Page = Annotated[
    int,
    typer.Option("--page", min=1, max=10**9, metavar="N", help="Show page N. The first is 1."),
]
# The commands that copy a batch.
BatchSize = Annotated[
    int | None,
    typer.Option(
        "--batch-size",
        metavar="N",
        min=1,
        max=100_000,
        help="Copy at most N orders in one transaction.",
        show_default=str(BATCH_SIZE),
    ),
]
Workers = Annotated[
    int,
    typer.Option(
        "--workers",
        metavar="N",
        min=1,
        max=16,
        help="Run N transactions at the same time. Faster on PostgreSQL only.",
    ),
]
Mode = Annotated[
    Literal["live", "test"],
    typer.Option("--mode", help="Use live orders or test orders."),
]
