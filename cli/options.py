"""Options that several commands have. They change the terminal, so commands need not look at them."""

from typing import Annotated, Literal

import typer

from order_factory.cli.terminal import Terminal


def terminal_of(context: typer.Context) -> Terminal:
    """The terminal that `main` gave to the command."""
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
        help="Write one JSON document to stdout, and nothing else there.",
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
        help="Show the whole trace of an unexpected error (also: ORDER_FACTORY_DEBUG=1).",
        callback=_show_trace,
        is_eager=True,
    ),
]
PlaceTargetOrder = Annotated[
    bool,
    typer.Option(
        "--place-target-order/--no-place-target-order",
        help="Place the target order once it is copied.",
    ),
]
ReuseWallet = Annotated[
    bool,
    typer.Option(
        "--reuse-wallet/--no-reuse-wallet",
        help="Copy the payment source that stands in the customer's wallet.",
    ),
]
SkipErrors = Annotated[
    bool,
    typer.Option(
        "--skip-errors/--no-skip-errors",
        help="Leave out what cannot be copied, and copy the rest.",
    ),
]
CancelSourceOrder = Annotated[
    bool,
    typer.Option(
        "--cancel-source-order/--no-cancel-source-order",
        help="Cancel the source order once the target order stands.",
    ),
]
ApplyPromotions = Annotated[
    bool,
    typer.Option(
        "--apply-promotions/--no-apply-promotions",
        help="Compute the promotions anew, over those that are valid now.",
    ),
]
IgnoreInvalidCoupon = Annotated[
    bool,
    typer.Option(
        "--ignore-invalid-coupon/--no-ignore-invalid-coupon",
        help="Leave out a coupon that is not valid any more.",
    ),
]
RefreshPrices = Annotated[
    bool,
    typer.Option(
        "--refresh-prices/--no-refresh-prices",
        help="Give the line items today's prices of their SKUs.",
    ),
]
Stock = Annotated[
    Literal["take", "ignore"],
    typer.Option(
        "--stock",
        help="Take the stock of what is placed, or ignore the stock (backorders).",
    ),
]
