"""Refunding existing orders."""

from typing import Annotated, cast

from prefect.runtime import flow_run
from pydantic import Field

from order_factory.flows.support.order_changes import NamedOrders, change_selected
from order_factory.flows.support.shop_flow import shop_flow
from order_factory.models.requests.copies import Text
from order_factory.models.results.orders import OrdersResult
from order_factory.models.values.statuses import Mode
from order_factory.tasks.batches.chunking import BATCH_SIZE


@shop_flow(name="refund-orders", flow_run_name="refund orders", not_in_form=("batch_size",))
def refund_orders(
    orders: NamedOrders,
    *,
    amount_cents: Annotated[int, Field(ge=1)] | None = None,
    idempotency_key: Text | None = None,
    mode: Mode = Mode.LIVE,
    batch_size: Annotated[int, Field(ge=1, le=100_000)] = BATCH_SIZE,
) -> OrdersResult:
    """Refund the captured payments of orders, whole or in part.

    A repeated call with the same `idempotency_key` refunds nothing more, also if the first call
    failed. Without a key, a flow run refunds each order once, also if it is retried. Raises
    `OrdersInvalid` before anything is changed, `OrdersRefused` when all orders were refused, and
    `OrdersWaiting` while a gateway gives no answer.

    Args:
        orders: Order numbers or ids, as a list or as text with commas or spaces between them; or
            the path of a CSV, Parquet, XLSX or JSON Lines file with the column source_order.
        amount_cents: Amount to refund of each order, in the smallest unit of its currency. Leave it
            empty for the whole remaining amount.
        idempotency_key: Your own unique name for this refund.
        mode: Whether the numbers are those of live orders or of test orders.
        batch_size: Change at most this many orders in one transaction.
    """
    name = idempotency_key or str(flow_run.id)
    result = change_selected("refund", orders, None, mode, batch_size, amount_cents, name)
    return cast(OrdersResult, result)
