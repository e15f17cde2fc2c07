"""`order-factory subscriptions`: create, run and preview order subscriptions."""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from order_factory.cli.copy_options import add_subscription_options
from order_factory.cli.failures import FAILED
from order_factory.cli.options import (
    AsJson,
    BatchSize,
    Debug,
    Limit,
    Page,
    Verbose,
    Workers,
    get_terminal,
)
from order_factory.cli.options import Mode as ModeOfOrder
from order_factory.models.values.frequencies import FREQUENCY_MEANING
from order_factory.tasks.batches.chunking import BATCH_SIZE

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from order_factory.tasks.subscriptions.transitions import Trigger

subscriptions = typer.Typer(
    name="subscriptions", help="Create, run and preview subscriptions (recurring orders)."
)
Name = Annotated[
    str, typer.Argument(metavar="SUBSCRIPTION", help="Number or id of the order subscription.")
]


@subscriptions.command("list", epilog="Example: order-factory subscriptions list --status active")
def list_subscriptions_page(
    context: typer.Context,
    status: Annotated[
        Literal["draft", "inactive", "active", "running", "cancelled"] | None,
        typer.Option("--status", help="List subscriptions with this status only."),
    ] = None,
    limit: Limit = 20,
    page: Page = 1,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """List order subscriptions, newest first, without customer data."""
    from order_factory.cli.views.subscriptions import describe_subscriptions
    from order_factory.models.database.engine import reading
    from order_factory.models.database.schema import require_schema
    from order_factory.models.tables.base import utc_now
    from order_factory.models.values.statuses import SubscriptionStatus
    from order_factory.tasks.subscriptions.overdue import read_overdue
    from order_factory.tasks.subscriptions.reading import list_subscriptions

    require_schema()
    wanted_status = SubscriptionStatus(status) if status else None
    now = utc_now()
    with reading() as db:
        rows, total = list_subscriptions(db, wanted_status, page, limit, now)
        overdue = read_overdue(db, now)
    since = overdue.since if overdue else None
    document = {"subscriptions": rows, "page": page, "limit": limit, "total": total}
    document |= {"overdue_since": since}
    get_terminal(context).show(document, *describe_subscriptions(rows, total, page, limit, since))


@subscriptions.command("show", epilog="Example: order-factory subscriptions show S041960031742")
def show(context: typer.Context, name: Name, as_json: AsJson = False, debug: Debug = False) -> None:
    """Show an order subscription: its schedule, its items and its latest copies."""
    _show(context, name)


@subscriptions.command(
    "create",
    epilog="Example: order-factory subscriptions create 1001 --frequency monthly "
    "--time-zone Europe/Rome --retry-after '1d 3d 5d'",
)
@add_subscription_options
def create(
    context: typer.Context,
    order: Annotated[
        str, typer.Argument(metavar="ORDER", help="Number or id of the source order.")
    ],
    frequency: Annotated[
        str,
        typer.Option(
            "--frequency",
            metavar="HOW_OFTEN",
            help=FREQUENCY_MEANING,
        ),
    ],
    time_zone: Annotated[
        str,
        typer.Option(
            "--time-zone", metavar="ZONE", help="Time zone of the schedule, such as Europe/Rome."
        ),
    ] = "UTC",
    starts_at: Annotated[
        str | None,
        typer.Option(
            "--starts-at", metavar="TIME", help="Start of the schedule.", show_default="now"
        ),
    ] = None,
    expires_at: Annotated[
        str | None, typer.Option("--expires-at", metavar="TIME", help="End of the schedule.")
    ] = None,
    *,
    mode: ModeOfOrder = "live",
    activate_by_source_order: Annotated[
        bool,
        typer.Option(
            "--activate-by-source-order/--no-activate-by-source-order",
            help="Activate it when the source order is placed, or now if it is placed already.",
        ),
    ] = True,
    catch_up: Annotated[
        Literal["one", "all", "none"],
        typer.Option("--catch-up", help="Missed periods to copy: one (the latest), all or none."),
    ] = "one",
    retry_after: Annotated[
        str | None,
        typer.Option(
            "--retry-after",
            metavar="DELAYS",
            help="Delays before a failed payment or missing stock is retried, such as '1d 3d 5d'.",
        ),
    ] = None,
    after_failure: Annotated[
        Literal["keep", "deactivate"],
        typer.Option("--after-failure", help="Keep or deactivate it after its last retry failed."),
    ] = "keep",
    while_open: Annotated[
        Literal["copy", "wait"],
        typer.Option("--while-open", help="Copy or wait while the previous copy is unfinished."),
    ] = "copy",
    end_with_source_order: Annotated[
        bool,
        typer.Option(
            "--end-with-source-order/--keep-without-source-order",
            help="Deactivate it when its source order is cancelled.",
        ),
    ] = True,
    convert: Annotated[
        bool,
        typer.Option(
            "--convert", help="Copy only the lines of the order that have this frequency."
        ),
    ] = False,
    reference: Annotated[
        str | None,
        typer.Option("--reference", metavar="TEXT", help="Your own name for the subscription."),
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
    **options: Any,
) -> None:
    """Create a subscription that copies an order on a schedule.

    The command warns when a copy made now would fail.
    """
    from order_factory.models.database.retrying import write
    from order_factory.models.database.schema import require_schema
    from order_factory.models.errors import SubscriptionNotFound
    from order_factory.models.tables.base import utc_now
    from order_factory.models.values.statuses import Mode
    from order_factory.tasks.factories.source_orders import require_order
    from order_factory.tasks.subscriptions.creation import (
        create_subscription,
        make_number,
        require_subscription,
    )
    from order_factory.tasks.subscriptions.items import convert_to_automatic
    from order_factory.tasks.subscriptions.transitions import activate_created

    require_schema()
    given: dict[str, Any] = {
        "frequency": frequency,
        "time_zone": time_zone,
        "starts_at": starts_at,
        "expires_at": expires_at,
        "activate_by_source_order": activate_by_source_order,
        "catch_up": catch_up,
        "retry_after": retry_after,
        "after_failure": after_failure,
        "while_open": while_open,
        "end_with_source_order": end_with_source_order,
        "reference": reference,
        **options,
    }
    checked_options = _check_options(given)
    now, number = utc_now(), make_number()

    def create_once(db: "Connection") -> int:
        with suppress(SubscriptionNotFound):
            # The attempt before was committed, and the connection lost after that.
            return require_subscription(db, number)
        key = create_subscription(
            db, require_order(db, order, Mode(mode)), checked_options, now, number
        )
        if convert:
            convert_to_automatic(db, key, now)
        activate_created(db, key, now)
        return key

    key = write(create_once)
    _show_key(context, key)
    _warn_of_failing_copy(context, key)


@subscriptions.command(
    "activate", epilog="Example: order-factory subscriptions activate S041960031742"
)
def activate(
    context: typer.Context, name: Name, as_json: AsJson = False, debug: Debug = False
) -> None:
    """Activate a subscription. It runs next at the start of its next period."""
    _apply_trigger(context, name, lambda trigger: trigger.ACTIVATE)


@subscriptions.command(
    "deactivate", epilog="Example: order-factory subscriptions deactivate S041960031742"
)
def deactivate(
    context: typer.Context, name: Name, as_json: AsJson = False, debug: Debug = False
) -> None:
    """Deactivate a subscription until you activate it again."""
    _apply_trigger(context, name, lambda trigger: trigger.DEACTIVATE)


@subscriptions.command("cancel", epilog="Example: order-factory subscriptions cancel S041960031742")
def cancel(
    context: typer.Context, name: Name, as_json: AsJson = False, debug: Debug = False
) -> None:
    """Cancel a subscription permanently."""
    _apply_trigger(context, name, lambda trigger: trigger.CANCEL)


@subscriptions.command("run", epilog="Example: order-factory subscriptions run")
def run(
    context: typer.Context,
    batch_size: BatchSize = None,
    workers: Workers = 1,
    as_json: AsJson = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Copy the due orders, and retry failed renewals. Safe to repeat.

    The exit code is 1 if any copy failed.
    """
    from order_factory.cli.flow_runs import run_flow, start_prefect
    from order_factory.cli.views.subscriptions import describe_run
    from order_factory.models.database.schema import require_schema
    from order_factory.models.results.subscriptions import SubscriptionRunFailed

    require_schema()
    terminal = get_terminal(context)
    terminal.on_interrupt = lambda: "Stopped. The next run copies the remaining orders."
    start_prefect(terminal)
    from order_factory.flows.run_order_subscriptions import run_order_subscriptions

    try:
        result = run_flow(
            terminal,
            "copying the due orders",
            lambda: run_order_subscriptions(batch_size=batch_size or BATCH_SIZE, workers=workers),
        )
    except SubscriptionRunFailed as failed:
        result = failed.result
    terminal.show(result.model_dump(mode="json"), *describe_run(result))
    if result.failed:
        raise typer.Exit(FAILED)


@subscriptions.command("preview", epilog="Example: order-factory subscriptions preview --days 30")
def preview(
    context: typer.Context,
    days: Annotated[
        int, typer.Option("--days", min=1, max=366, metavar="N", help="Look N days ahead.")
    ] = 30,
    mode: Annotated[
        Literal["live", "test"], typer.Option("--mode", help="List live or test subscriptions.")
    ] = "live",
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=10_000, metavar="N", help="List at most N periods.")
    ] = 100,
    as_json: AsJson = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """List the next copies, and those that would fail today. Changes nothing."""
    from order_factory.cli.flow_runs import run_flow, start_prefect
    from order_factory.cli.views.subscriptions import describe_preview
    from order_factory.models.database.schema import require_schema
    from order_factory.models.values.statuses import Mode

    require_schema()
    terminal = get_terminal(context)
    start_prefect(terminal)
    from order_factory.flows.preview_order_subscriptions import preview_order_subscriptions

    result = run_flow(
        terminal,
        "testing the copies",
        lambda: preview_order_subscriptions(days=days, mode=Mode(mode), limit=limit),
    )
    terminal.show(result.model_dump(mode="json"), *describe_preview(result))


def _check_options(given: dict[str, Any]) -> Any:
    """The options, checked. Raises `InvalidRequest` that names the option."""
    from pydantic import ValidationError

    from order_factory.models.errors import InvalidRequest
    from order_factory.models.requests.subscriptions import SubscriptionOptions

    try:
        return SubscriptionOptions(**given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        name = "".join(f"--{part} " for part in first["loc"]).replace("_", "-")
        message = first["msg"].removeprefix("Value error, ")
        raise InvalidRequest(f"{name}{message}.") from error


def _apply_trigger(context: typer.Context, name: str, choose: Callable[[Any], "Trigger"]) -> None:
    from order_factory.models.database.retrying import write
    from order_factory.models.database.schema import require_schema
    from order_factory.models.tables.base import utc_now
    from order_factory.tasks.subscriptions.creation import require_subscription
    from order_factory.tasks.subscriptions.transitions import Trigger, apply_trigger

    require_schema()

    def apply(db: "Connection") -> int:
        key = require_subscription(db, name)
        apply_trigger(db, key, choose(Trigger), utc_now())
        return key

    _show_key(context, write(apply))


def _show(context: typer.Context, name: str) -> None:
    from order_factory.models.database.engine import reading
    from order_factory.models.database.schema import require_schema
    from order_factory.tasks.subscriptions.creation import require_subscription

    require_schema()
    with reading() as db:
        key = require_subscription(db, name)
    _show_key(context, key)


def _warn_of_failing_copy(context: typer.Context, key: int) -> None:
    """Write a warning if the first copy would fail now. The subscription is created anyway."""
    from order_factory.models.errors import OrderFactoryError
    from order_factory.tasks.subscriptions.preview import predict_first_failure

    try:
        log = predict_first_failure(key)
    except OrderFactoryError as error:
        get_terminal(context).note(f"The first copy could not be tested: {error}")
        return
    problems = [f"  {field}: {each}" for field, messages in log.items() for each in messages]
    if problems:
        warning = "Warning: the first copy would fail if it were made now:"
        if "coupon_code" in log:
            problems.append("To leave the coupon out, create it with --ignore-invalid-coupon.")
        get_terminal(context).note("\n".join([warning, *problems]))


def _show_key(context: typer.Context, key: int) -> None:
    from order_factory.cli.views.subscriptions import describe_subscription
    from order_factory.models.database.engine import reading
    from order_factory.models.tables.base import utc_now
    from order_factory.tasks.subscriptions.reading import read_subscription

    with reading() as db:
        subscription = read_subscription(db, key, utc_now())
    get_terminal(context).show(subscription, *describe_subscription(subscription))
