"""Copying one order, in the steps of `STEPS`."""

from typing import Any, Unpack, cast

from prefect.runtime import flow_run
from prefect.states import Completed, Failed
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from order_factory.flows.support.shop_flow import shop_flow
from order_factory.models.database.engine import reading
from order_factory.models.database.retrying import read, write
from order_factory.models.database.schema import require_schema
from order_factory.models.errors import (
    FactoryTaken,
    InvalidRequest,
    OrderFactoryError,
    PaymentUnknown,
)
from order_factory.models.requests.copies import CopyOptions, MetadataField, OrderName, Text
from order_factory.models.results.copies import OrderFactoryFailed, OrderFactoryResult, summary
from order_factory.models.results.step_times import StepTimes
from order_factory.models.values.copy_options import CopyOptionArguments
from order_factory.models.values.statuses import FactoryStatus, Mode
from order_factory.tasks.authorize_payments import PaymentReport, authorize_payments
from order_factory.tasks.batches.records import require_divisible_batch_of
from order_factory.tasks.copy_orders import copy_order, rehearse_order
from order_factory.tasks.copying.recipe import STEPS
from order_factory.tasks.factories.names import Named, find_or_create
from order_factory.tasks.factories.records import create_factory, read_factory, require_factory
from order_factory.tasks.factories.source_orders import choose_run_name, require_order
from order_factory.tasks.outcomes.account import account_for, make_run_of_single_copy
from order_factory.tasks.payments.claiming import Scope

_UNFINISHED = (FactoryStatus.PENDING, FactoryStatus.IN_PROGRESS)


def _run_name() -> str:
    """`copy order 1001`, even when the order or its factory is given by a public id."""
    given = flow_run.parameters
    source_order, factory = given.get("source_order"), given.get("order_factory_id")
    order = None if source_order is None else str(source_order).strip()
    try:
        with reading() as db:
            label = choose_run_name(db, order, factory)
    except (OrderFactoryError, SQLAlchemyError):  # the run itself reports the problem
        label = order or f"of order factory {factory}"
    return f"copy order {label[:64]}"


@shop_flow(name="order-factory", flow_run_name=_run_name)
def order_factory(
    source_order: OrderName | None = None,
    *,
    mode: Mode = Mode.LIVE,
    reference: Text | None = None,
    reference_origin: Text | None = None,
    metadata: MetadataField = None,
    order_factory_id: Text | None = None,
    idempotency_key: Text | None = None,
    again: bool = False,
    dry_run: bool = False,
    **options: Unpack[CopyOptionArguments],
) -> OrderFactoryResult:
    """Copy one order into a new one, and place it on request.

    Give either `source_order` with its options, or the `order_factory_id` of a recorded factory.
    The run ends `Completed` (named `CompletedWithErrors` when `skip_errors` left something out)
    with the factory's result, or `Failed`. A plain call then raises `OrderFactoryFailed`, which
    carries the result. When the payment gateway gives no answer, the target order stays `placing`
    and the run fails with `PaymentUnknown`. Run it again for the same factory to finish it; no
    payment is made twice. Retrying a failed flow run in Prefect makes a new factory. Its
    `retry_of_id` names the failed one.

    A call with an `idempotency_key` or a `reference` finds the factory that an earlier call
    created under it. It finishes that factory and copies nothing twice; the result says
    `made_before`. When you do not know how a call ended, make the same call again. Give `again` to
    make another copy under the same reference.

    Raises `SourceOrderNotFound`, `SourceOrderAmbiguous`, `FactoryNotFound`, `InvalidRequest`,
    `CopyDiffers` (the name belongs to a copy of another order or with other options) and
    `DatabaseNotReady` before anything is changed; `FactoryTaken` while another run copies it.

    Args:
        source_order: Number or public id of the order to copy.
        mode: Whether the number is that of a live order or of a test order. A public id names an
            order of either mode; with test, only a test order.
        reference: Your own name for this copy.
        reference_origin: System that the reference comes from.
        metadata: Your own data, a JSON object such as {"campaign": "spring"}. It is stored with the
            order factory.
        order_factory_id: Public id of a pending order factory to copy, instead of source_order.
        idempotency_key: Your own unique name for this call. A repeated call finds the same copy.
        again: Make another copy, even if one exists under the same reference.
        dry_run: Report how the copy would end and how it would differ from its source, and change
            nothing in the database.
    """
    require_schema()
    request = CopyOptions(
        reference=reference, reference_origin=reference_origin, metadata=metadata, **options
    )
    if dry_run:
        if order_factory_id or idempotency_key or again:
            raise InvalidRequest("A dry run needs a source_order and copy options only.")
        return cast(OrderFactoryResult, _rehearse(source_order, mode, request))
    named = _find_or_record(
        source_order,
        mode,
        order_factory_id,
        request,
        idempotency_key=idempotency_key,
        again=again,
    )
    factory_id = named.factory_id
    copied = copy_order(factory_id, STEPS)
    closed = copied.closed
    paid = authorize_payments(Scope(factory_id=factory_id)) if not closed else PaymentReport()
    result = read(lambda db: read_factory(db, factory_id))
    if named.made_before:
        result = result.model_copy(update={"made_before": True})
    if result.status in _UNFINISHED:
        if paid.problems:
            raise PaymentUnknown(result.id, paid.problems)
        raise FactoryTaken(result.id)
    # The connection may break after a commit. The record then still names this run.
    copied_here = result.flow_run_id == str(flow_run.id)
    if closed or paid.closed or copied_here:
        times = StepTimes()
        times.add_all(copied.times)
        account_for(make_run_of_single_copy(result, times))
    finished_before = not (closed or paid.closed) and (not copied_here or flow_run.run_count > 1)
    return cast(OrderFactoryResult, _make_end_state(result, finished_before=finished_before))


def _find_or_record(
    source_order: str | None,
    mode: Mode,
    known: str | None,
    options: CopyOptions,
    *,
    idempotency_key: str | None,
    again: bool,
) -> Named:
    """The factory to copy: the known one, the one of the reference or key, or a new pending one."""
    if (source_order is None) == (known is None):
        raise InvalidRequest("Give either a source_order or an order_factory_id.")
    if known is not None and (options != CopyOptions() or idempotency_key or again):
        raise InvalidRequest(
            f"Order factory {known!r} has its own options. Give its id without other options."
        )

    def find_or_record(db: Connection) -> Named:
        if known is not None:
            factory_id = require_factory(db, known)
            require_divisible_batch_of(db, factory_id)
            return Named(factory_id, made_before=False)
        source_order_id = require_order(db, str(source_order), mode)
        return find_or_create(
            db,
            source_order_id,
            options,
            str(flow_run.id),
            idempotency_key=idempotency_key,
            again=again,
        )

    return write(find_or_record)


def _rehearse(source_order: str | None, mode: Mode, options: CopyOptions) -> Any:
    """The state that says how the copy would end, whether it would fail or not."""
    if source_order is None:
        raise InvalidRequest("Give a source_order.")

    def record(db: Connection) -> int:
        return create_factory(db, require_order(db, source_order, mode), options, None)

    preview = rehearse_order(record)
    message = f"{summary(preview)}; this was a dry run, and nothing was changed"
    return Completed(name="DryRun", message=message, data=preview)


def _make_end_state(result: OrderFactoryResult, *, finished_before: bool) -> Any:
    """The Prefect state that says how the copy ended, in this run or `finished_before` it."""
    if result.status == FactoryStatus.FAILED:
        message = summary(result)
        if finished_before and not result.made_before:
            source = result.source_order.number or result.source_order.id
            next_step = "Place its target order, or start" if result.target_order else "Start"
            message += f". This run changed nothing. {next_step} a new run for order {source}."
        return Failed(message=message, data=OrderFactoryFailed(result))
    if result.errors_count:
        return Completed(name="CompletedWithErrors", message=summary(result), data=result)
    return Completed(message=summary(result), data=result)
