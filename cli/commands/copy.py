"""`order-factory copy`: copy one order."""

from typing import Annotated, Any

import typer

from order_factory.cli.copy_options import add_copy_options
from order_factory.cli.failures import FAILED
from order_factory.cli.options import (
    AsJson,
    Debug,
    Mode,
    Verbose,
    get_terminal,
)


@add_copy_options
def copy(
    context: typer.Context,
    order: Annotated[
        str | None,
        typer.Argument(
            metavar="ORDER", help="Number or id of the order to copy.", show_default=False
        ),
    ] = None,
    order_factory_id: Annotated[
        str | None,
        typer.Option(
            "--order-factory-id",
            metavar="ID",
            help="Copy a pending order factory, with its own order and options.",
        ),
    ] = None,
    *,
    mode: Mode = "live",
    reference: Annotated[
        str | None, typer.Option("--reference", metavar="TEXT", help="Your own name for this copy.")
    ] = None,
    reference_origin: Annotated[
        str | None,
        typer.Option(
            "--reference-origin", metavar="TEXT", help="System that the reference comes from."
        ),
    ] = None,
    metadata: Annotated[
        str | None,
        typer.Option("--metadata", metavar="JSON", help="Your own data, as a JSON object."),
    ] = None,
    idempotency_key: Annotated[
        str | None,
        typer.Option(
            "--idempotency-key",
            metavar="TEXT",
            help="Unique name of this copy. A repeated command finds the same copy.",
        ),
    ] = None,
    again: Annotated[
        bool,
        typer.Option("--again", help="Make another copy under the same reference."),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Report how the copy would end and differ, and change nothing."
        ),
    ] = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    debug: Debug = False,
    **options: Any,
) -> None:
    """Copy one order into a new order.

    With --reference or --idempotency-key, a repeated command makes no second copy: it finds the
    first copy, and finishes it if it was interrupted. Without them, each call makes a new copy. If
    the order cannot be copied, the command lists all its errors, and the exit code is 1.
    """
    from order_factory.cli.copy_options import check_options, check_text
    from order_factory.cli.flow_runs import run_flow, start_prefect
    from order_factory.cli.program import command_line
    from order_factory.cli.tables import next_steps
    from order_factory.cli.views.order_factories import describe_copy, describe_preview
    from order_factory.models.requests.copies import CopyOptions
    from order_factory.models.results.copies import OrderFactoryFailed, OrderFactoryPreview
    from order_factory.models.values.statuses import FactoryStatus

    terminal = get_terminal(context)
    terminal.on_interrupt = lambda: (
        "Stopped. The order was copied completely or not at all. "
        "With --reference or --idempotency-key, run the same command again to finish it. "
        f"`{command_line('orders', '--limit', '1')}` shows whether there is a copy."
    )
    given: dict[str, Any] = {
        "source_order": order,
        "order_factory_id": order_factory_id,
        "mode": mode,
        **options,
        "reference": reference,
        "reference_origin": reference_origin,
        "metadata": _parse_object(metadata),
        "idempotency_key": idempotency_key,
        "again": again,
        "dry_run": dry_run,
    }
    names = ("reference", "reference_origin", "metadata")
    checked = check_options(options | {name: given[name] for name in names})
    _require_compatible(given, has_options=checked != CopyOptions())
    check_text("--idempotency-key", idempotency_key)
    _require_source(order, order_factory_id, mode)
    start_prefect(terminal)
    from order_factory.flows.order_factory import order_factory

    try:
        result = run_flow(terminal, "copying the order", lambda: order_factory(**given))
    except OrderFactoryFailed as failed:
        result = failed.result
    if isinstance(result, OrderFactoryPreview):
        terminal.show(result.model_dump(mode="json"), *describe_preview(result))
    else:
        next_step = next_steps(["show", result.id])
        terminal.show(result.model_dump(mode="json"), *describe_copy(result), next_step)
    if result.status == FactoryStatus.FAILED:
        raise typer.Exit(FAILED)


def _parse_object(text: str | None) -> dict[str, Any] | None:
    from order_factory.models.errors import InvalidRequest
    from order_factory.models.values.json_objects import find_json_problem, parse_json

    if text is None:
        return None
    value: Any = None
    problem: str | None
    try:
        value = parse_json(text)
        problem = find_json_problem(value)
    except ValueError as error:
        problem = str(error)
    if problem is not None:
        raise InvalidRequest(
            f"""--metadata {problem}. Give an object such as --metadata '{{"campaign": "spring"}}'."""
        )
    return dict(value)


def _require_compatible(given: dict[str, Any], *, has_options: bool) -> None:
    """Raise `InvalidRequest` for options that exclude each other, before Prefect starts."""
    from order_factory.cli.copy_options import format_flag
    from order_factory.models.errors import InvalidRequest

    if given["again"] and given["idempotency_key"] is not None:
        raise InvalidRequest("Give either --again or an --idempotency-key.")
    if given["dry_run"]:
        for name in ("order_factory_id", "idempotency_key", "again"):
            if given[name]:
                raise InvalidRequest(
                    f"--dry-run makes no copy. Do not combine it with {format_flag(name)}."
                )
    named_or_again = given["idempotency_key"] is not None or given["again"]
    if given["order_factory_id"] is not None and (has_options or named_or_again):
        raise InvalidRequest(
            "A pending order factory has its own options. "
            "Give --order-factory-id without other options."
        )


def _require_source(order: str | None, order_factory_id: str | None, mode: str) -> None:
    """Raise an error for an unknown order or factory before Prefect starts, which takes seconds."""
    from order_factory.models.database.engine import reading
    from order_factory.models.database.schema import require_schema
    from order_factory.models.errors import InvalidRequest
    from order_factory.models.values import statuses
    from order_factory.tasks.factories.records import require_factory
    from order_factory.tasks.factories.source_orders import require_order

    if (order is None) == (order_factory_id is None):
        raise InvalidRequest("Give either an ORDER or an --order-factory-id.")
    require_schema()
    with reading() as db:
        if order is not None:
            require_order(db, order, statuses.Mode(mode))
        if order_factory_id is not None:
            require_factory(db, order_factory_id)
