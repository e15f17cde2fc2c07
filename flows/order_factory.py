"""Copying one order."""

from typing import Any, cast

from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from order_factory.flows.support.shop_flow import shop_flow
from order_factory.models.database.engine import begin, reading
from order_factory.models.database.schema import require_schema
from order_factory.models.errors import FactoryTaken, InvalidRequest, PaymentUnknown
from order_factory.models.requests.copies import CopyOptions, Metadata, OrderName, Text
from order_factory.models.results.copies import OrderFactoryFailed, OrderFactoryResult, summary
from order_factory.models.values.statuses import FactoryStatus
from order_factory.models.values.stock_policies import StockPolicy
from order_factory.tasks.authorize_payments import PaymentReport, authorize_payments
from order_factory.tasks.batches.records import require_free_of_batch
from order_factory.tasks.copy_orders import copy_order
from order_factory.tasks.factories.records import create_factory, read_factory, require_factory
from order_factory.tasks.factories.source_orders import require_order
from order_factory.tasks.payments.claiming import Scope
from order_factory.tasks.prefect_ui.events import publish_factory
from order_factory.tasks.prefect_ui.tags_and_links import show_factory

_UNFINISHED = (FactoryStatus.PENDING, FactoryStatus.IN_PROGRESS)


def _run_name() -> str:
    given = flow_run.parameters
    if given.get("order_factory_id"):
        return f"copy for order factory {given['order_factory_id']}"
    return f"copy order {str(given.get('source_order'))[:64]}"


@shop_flow(name="order-factory", flow_run_name=_run_name)
def order_factory(
    source_order: OrderName | None = None,
    place_target_order: bool = False,
    reuse_wallet: bool = True,
    skip_errors: bool = False,
    cancel_source_order: bool = False,
    apply_promotions: bool = False,
    ignore_invalid_coupon: bool = False,
    refresh_prices: bool = False,
    stock: StockPolicy = StockPolicy.TAKE,
    reference: Text | None = None,
    reference_origin: Text | None = None,
    metadata: Metadata | None = None,
    order_factory_id: Text | None = None,
) -> OrderFactoryResult:
    """Copy one order into a new one, and place it on request.

    Give either `source_order` with its options, or the `order_factory_id` of a factory that was
    recorded before. Ends `Completed` (named `CompletedWithErrors` when `skip_errors` left
    something out) with the factory's result, or `Failed`: a plain call then raises
    `OrderFactoryFailed`, which carries the result. Where the payment gateway gives no answer, the
    target order stays `placing`, the run fails with `PaymentUnknown`, and running it again for the
    same factory goes on with it; no payment is made twice. Run again, the same flow run finds its factory
    again and never makes a second target order.

    Raises `SourceOrderNotFound`, `SourceOrderAmbiguous`, `FactoryNotFound`, `InvalidRequest`,
    `DatabaseNotReady`: nothing was changed then; and `FactoryTaken` while another run copies it.

    Args:
        source_order: Number or public id of the order to copy.
        place_target_order: Place the target order once it is copied.
        reuse_wallet: Copy the payment source that stands in the customer's wallet.
        skip_errors: Leave out what cannot be copied, and copy the rest.
        cancel_source_order: Cancel the source order once the target order stands.
        apply_promotions: Compute the promotions anew, over those that are valid now.
        ignore_invalid_coupon: Leave out a coupon that is not valid any more.
        refresh_prices: Give the line items today's prices of their SKUs.
        stock: Take the stock of what is placed, or ignore the stock (backorders).
        reference: Your own name for this copy.
        reference_origin: Where that reference comes from.
        metadata: Your own data, a JSON object that is kept with the order factory.
        order_factory_id: Public id of a pending order factory to carry out instead.
    """
    require_schema()
    options = CopyOptions(
        place_target_order=place_target_order,
        reuse_wallet=reuse_wallet,
        skip_errors=skip_errors,
        cancel_source_order=cancel_source_order,
        apply_promotions=apply_promotions,
        ignore_invalid_coupon=ignore_invalid_coupon,
        refresh_prices=refresh_prices,
        stock=stock,
        reference=reference,
        reference_origin=reference_origin,
        metadata=metadata,
    )
    factory_id = _find_or_record(source_order, order_factory_id, options)
    closed = copy_order(factory_id).closed
    paid = authorize_payments(Scope(factory_id=factory_id)) if not closed else PaymentReport()
    with reading() as db:
        result = read_factory(db, factory_id)
    if result.status in _UNFINISHED:
        if paid.problems:
            raise PaymentUnknown(result.id, paid.problems)
        raise FactoryTaken(result.id)
    if closed or paid.closed:
        publish_factory(result)
        show_factory(result)
    return cast(OrderFactoryResult, _ended(result))


def _find_or_record(source_order: str | None, known: str | None, options: CopyOptions) -> int:
    """The key of the factory to carry out: the known one, or a new one, committed as pending."""
    if (source_order is None) == (known is None):
        raise InvalidRequest("Give either a source_order or an order_factory_id.")
    with begin() as db:
        if known is not None:
            if options != CopyOptions():
                raise InvalidRequest(
                    f"Order factory {known!r} has its own options; give none beside its id."
                )
            factory_id = require_factory(db, known)
            require_free_of_batch(db, factory_id)
            return factory_id
        source_order_id = require_order(db, str(source_order))
        return create_factory(db, source_order_id, options, f"flow-run:{flow_run.id}")


def _ended(result: OrderFactoryResult) -> Any:
    """The result, or the Prefect state that tells how the copy ended."""
    if result.status == FactoryStatus.FAILED:
        return Failed(message=summary(result), data=OrderFactoryFailed(result))
    if result.errors_count:
        return Completed(name="CompletedWithErrors", message=summary(result), data=result)
    return result
