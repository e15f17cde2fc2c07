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
from order_factory.models.requests.copies import CopyOptions, Metadata, OrderName, Text
from order_factory.models.results.copies import OrderFactoryFailed, OrderFactoryResult, summary
from order_factory.models.results.step_times import StepTimes
from order_factory.models.values.copy_options import CopyOptionArguments
from order_factory.models.values.statuses import FactoryStatus, Mode
from order_factory.tasks.authorize_payments import PaymentReport, authorize_payments
from order_factory.tasks.batches.records import require_free_of_batch
from order_factory.tasks.copy_orders import copy_order
from order_factory.tasks.copying.recipe import STEPS
from order_factory.tasks.factories.names import Named, find_or_create
from order_factory.tasks.factories.records import read_factory, require_factory
from order_factory.tasks.factories.source_orders import label_of_order, require_order
from order_factory.tasks.outcomes.account import account_for, single
from order_factory.tasks.payments.claiming import Scope

_UNFINISHED = (FactoryStatus.PENDING, FactoryStatus.IN_PROGRESS)


def _run_name() -> str:
    """`copy order 1001`, also where the order or its factory was named by a public id."""
    given = flow_run.parameters
    source_order, factory = given.get("source_order"), given.get("order_factory_id")
    order = None if source_order is None else str(source_order).strip()
    try:
        with reading() as db:
            label = label_of_order(db, order, factory)
    except (OrderFactoryError, SQLAlchemyError):  # the run itself says what is wrong
        label = order or f"of order factory {factory}"
    return f"copy order {label[:64]}"


@shop_flow(name="order-factory", flow_run_name=_run_name)
def order_factory(
    source_order: OrderName | None = None,
    *,
    mode: Mode = Mode.LIVE,
    reference: Text | None = None,
    reference_origin: Text | None = None,
    metadata: Metadata | None = None,
    order_factory_id: Text | None = None,
    idempotency_key: Text | None = None,
    again: bool = False,
    **options: Unpack[CopyOptionArguments],
) -> OrderFactoryResult:
    """Copy one order into a new one, and place it on request.

    Give either `source_order` with its options, or the `order_factory_id` of a factory that was
    recorded before. Ends `Completed` (named `CompletedWithErrors` when `skip_errors` left
    something out) with the factory's result, or `Failed`: a plain call then raises
    `OrderFactoryFailed`, which carries the result. Where the payment gateway gives no answer, the
    target order stays `placing`, the run fails with `PaymentUnknown`, and running it again for the
    same factory goes on with it; no payment is made twice. The same flow run, started again after
    the copy had failed (*Retry*), tries again with a new factory, whose `retry_of_id` remembers
    the failed one.

    A call with an `idempotency_key`, or with a `reference`, finds the factory that an earlier call
    made under it, and copies nothing twice: it finishes what is left to do, and its result says
    `made_before`. So a call whose end is not known is simply made again. Give `again` to make
    another copy under the same reference.

    Raises `SourceOrderNotFound`, `SourceOrderAmbiguous`, `FactoryNotFound`, `InvalidRequest`,
    `CopyDiffers` (the name belongs to a copy of another order or with other options),
    `DatabaseNotReady`: nothing was changed then; and `FactoryTaken` while another run copies it.

    Args:
        source_order: Number or public id of the order to copy.
        mode: Whether the number is that of a live order or of a test order. A public id names an
            order of either mode; with test, only a test order.
        reference: Your own name for this copy.
        reference_origin: Where that reference comes from.
        metadata: Your own data, a JSON object that is kept with the order factory.
        order_factory_id: Public id of a pending order factory to carry out instead.
        idempotency_key: Your own unique name for this call; made again, it finds the same copy.
        again: Make another copy although one was made under the same reference.
    """
    require_schema()
    request = CopyOptions(
        reference=reference, reference_origin=reference_origin, metadata=metadata, **options
    )
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
    # An answer of the database may be lost although all was kept, so its record tells, too.
    mine = result.flow_run_id == str(flow_run.id)
    if closed or paid.closed or mine:
        times = StepTimes()
        times.add_all(copied.times)
        account_for(single(result, times))
    known_before = not (closed or paid.closed) and (not mine or flow_run.run_count > 1)
    return cast(OrderFactoryResult, _ended(result, known_before=known_before))


def _find_or_record(
    source_order: str | None,
    mode: Mode,
    known: str | None,
    options: CopyOptions,
    *,
    idempotency_key: str | None,
    again: bool,
) -> Named:
    """The factory to carry out: the known one, that of the name, or a new one, committed as pending."""
    if (source_order is None) == (known is None):
        raise InvalidRequest("Give either a source_order or an order_factory_id.")
    if known is not None and (options != CopyOptions() or idempotency_key or again):
        raise InvalidRequest(
            f"Order factory {known!r} has its own options; give none beside its id."
        )

    def find_or_record(db: Connection) -> Named:
        if known is not None:
            factory_id = require_factory(db, known)
            require_free_of_batch(db, factory_id)
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


def _ended(result: OrderFactoryResult, *, known_before: bool) -> Any:
    """The Prefect state that tells how the copy ended, by this run or `known_before` it."""
    if result.status == FactoryStatus.FAILED:
        message = summary(result)
        if known_before and not result.made_before:
            source = result.source_order.number or result.source_order.id
            what = "Place its target order, or start" if result.target_order else "Start"
            message += f". Nothing was done again. {what} a new run for order {source}."
        return Failed(message=message, data=OrderFactoryFailed(result))
    if result.errors_count:
        return Completed(name="CompletedWithErrors", message=summary(result), data=result)
    return Completed(message=summary(result), data=result)
