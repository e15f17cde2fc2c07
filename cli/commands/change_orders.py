"""`order-factory place`, `capture`, `cancel` and `refund`: change existing orders."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any

import typer

from order_factory.cli.copy_options import check_text
from order_factory.cli.failures import FAILED
from order_factory.cli.options import AsJson, Debug, Mode, Verbose, get_terminal
from order_factory.cli.selection_options import add_order_filter, filter_fields, order_filter

if TYPE_CHECKING:
    from order_factory.models.results.orders import OrdersResult
    from order_factory.models.values.statuses import Mode as Modes

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ORDER...",
        help="Numbers or ids of orders, or a file with the column source_order.",
        show_default=False,
    ),
]
RequiredNames = Annotated[
    list[str],
    typer.Argument(
        metavar="ORDER...",
        help="Numbers or ids of orders, or a file with the column source_order.",
        show_default=False,
    ),
]


@add_order_filter
def place(
    context: typer.Context,
    order: Names = None,
    *,
    mode: Mode = "live",
    as_json: AsJson = False,
    verbose: Verbose = False,
    debug: Debug = False,
    **options: Any,
) -> None:
    """Place pending orders: by number or id, from a file, or by a filter.

    The command reserves their stock and authorizes their payments. If it was stopped, run it again:
    no order is paid twice. The exit code is 1 if an order was refused or waits for its gateway.
    """
    _change_many(context, "place", order, mode, options)


@add_order_filter
def capture(
    context: typer.Context,
    order: Names = None,
    *,
    mode: Mode = "live",
    as_json: AsJson = False,
    verbose: Verbose = False,
    debug: Debug = False,
    **options: Any,
) -> None:
    """Capture authorized payments: by number or id, from a file, or by a filter.

    If the command was stopped, run it again: no payment is captured twice. The exit code is 1 if an
    order was refused or waits for its gateway.
    """
    _change_many(context, "capture", order, mode, options)


def cancel(
    context: typer.Context,
    order: RequiredNames,
    mode: Mode = "live",
    as_json: AsJson = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Cancel orders, release their stock, and void their authorizations.

    An order that was captured stays paid until it is refunded. The exit code is 1 if an order was
    refused or waits for its gateway.
    """

    def run() -> "OrdersResult":
        from order_factory.flows import cancel_orders

        return cancel_orders(_read_names(order), mode=_find_mode(mode))

    _check_names(_read_names(order), mode)
    _run_change(context, "cancel", run)


def refund(
    context: typer.Context,
    order: Annotated[str, typer.Argument(metavar="ORDER", help="Number or id of the order.")],
    amount: Annotated[
        str | None,
        typer.Option(
            "--amount",
            metavar="AMOUNT",
            help="How much to refund, such as 12.50, in the order's currency.",
            show_default="all that is left",
        ),
    ] = None,
    idempotency_key: Annotated[
        str | None,
        typer.Option(
            "--idempotency-key",
            metavar="TEXT",
            help="Unique name of this refund. A repeated command refunds nothing more.",
        ),
    ] = None,
    mode: Mode = "live",
    as_json: AsJson = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Refund an order's captured payment, whole or in part.

    The exit code is 1 if it was refused or waits for its gateway.
    """
    check_text("--idempotency-key", idempotency_key)
    _check_names([order], mode)
    cents = None if amount is None else _parse_cents(amount, order, mode)

    def run() -> "OrdersResult":
        from order_factory.flows import refund_orders

        return refund_orders(
            [order], amount_cents=cents, idempotency_key=idempotency_key, mode=_find_mode(mode)
        )

    _run_change(context, "refund", run)


def _change_many(
    context: typer.Context,
    change: str,
    order: list[str] | None,
    mode: str,
    options: dict[str, Any],
) -> None:
    from order_factory.models.errors import InvalidRequest

    fields = filter_fields(options)
    if bool(order) == bool(fields):
        raise InvalidRequest(
            "Give either numbers or ids of orders, or a file, or a filter such as --placed-from."
        )
    if change == "place" and fields.get("status", ["pending"]) != ["pending"]:
        raise InvalidRequest("Only pending orders can be placed. Leave out --status.")
    where = order_filter(fields | {"mode": mode}, must_fit=False) if fields else None
    if where is None:
        _check_names(_read_names(order or []), mode)

    def run() -> "OrdersResult":
        from order_factory.flows import capture_orders, place_orders

        flow = {"place": place_orders, "capture": capture_orders}[change]
        if where is not None:
            return flow(orders_where=where)
        return flow(_read_names(order or []), mode=_find_mode(mode))

    _run_change(context, change, run)


def _run_change(context: typer.Context, change: str, run: Callable[[], "OrdersResult"]) -> None:
    from order_factory.cli.flow_runs import run_flow, start_prefect
    from order_factory.cli.views.order_changes import describe_result
    from order_factory.models.database.schema import require_schema
    from order_factory.models.results.orders import OrdersRefused, OrdersWaiting

    terminal = get_terminal(context)
    require_schema()
    start_prefect(terminal)
    try:
        result = run_flow(terminal, f"{change} orders", run)
    except (OrdersRefused, OrdersWaiting) as error:
        result = error.result
        if isinstance(error, OrdersWaiting):
            terminal.note(str(error))
    terminal.show(result.model_dump(mode="json"), *describe_result(result))
    if result.done < result.orders_count:
        raise typer.Exit(FAILED)


def _check_names(orders: Any, mode: str) -> None:
    """Raise `OrdersInvalid` before Prefect starts, which takes seconds."""
    from order_factory.models.database.schema import require_schema
    from order_factory.tasks.orders.selecting import check_named
    from order_factory.tasks.selections.reading import accept_orders

    require_schema()
    check_named(accept_orders(orders) or [], _find_mode(mode))


def _find_mode(mode: str) -> "Modes":
    from order_factory.models.values.statuses import Mode as Modes

    return Modes(mode)


def _read_names(order: list[str]) -> Any:
    """Return the path of a file if a single name is one, or else the names."""
    return order[0] if len(order) == 1 else order


def _parse_cents(amount: str, order: str, mode: str) -> int:
    """The amount in the smallest unit of the order's currency. Raises `InvalidRequest`."""
    from sqlalchemy import select

    from order_factory.models.database.engine import reading
    from order_factory.models.database.schema import require_schema
    from order_factory.models.errors import InvalidRequest
    from order_factory.models.tables import Order
    from order_factory.models.values.money import get_exponent
    from order_factory.tasks.factories.source_orders import require_order

    require_schema()
    with reading() as db:
        key = require_order(db, order, _find_mode(mode))
        currency = db.scalar(select(Order.currency_code).where(Order.id == key))
    try:
        cents = Decimal(amount).scaleb(get_exponent(str(currency)))
    except InvalidOperation:
        cents = Decimal("NaN")
    if not cents.is_finite() or cents != cents.to_integral_value() or cents < 1:
        raise InvalidRequest(
            f"--amount {amount!r} is not an amount in {currency}. Use a number such as 12.50, with "
            f"at most {get_exponent(str(currency))} decimals."
        )
    return int(cents)
