"""Cancelling existing orders."""

from typing import Annotated, cast

from pydantic import Field

from order_factory.flows.support.order_changes import NamedOrders, change_selected
from order_factory.flows.support.shop_flow import shop_flow
from order_factory.models.results.orders import OrdersResult
from order_factory.models.values.statuses import Mode
from order_factory.tasks.batches.chunking import BATCH_SIZE


@shop_flow(name="cancel-orders", flow_run_name="cancel orders", not_in_form=("batch_size",))
def cancel_orders(
    orders: NamedOrders,
    *,
    mode: Mode = Mode.LIVE,
    batch_size: Annotated[int, Field(ge=1, le=100_000)] = BATCH_SIZE,
) -> OrdersResult:
    """Cancel orders, release their stock and coupons, and void their payments.

    If the payment was captured, the cancelled order stays paid until it is refunded. Raises
    `OrdersInvalid` before anything is changed, `OrdersRefused` when all orders were refused, and
    `OrdersWaiting` while a gateway gives no answer.

    Args:
        orders: Order numbers or ids, as a list or as text with commas or spaces between them; or
            the path of a CSV, Parquet, XLSX or JSON Lines file with the column source_order.
        mode: Whether the numbers are those of live orders or of test orders.
        batch_size: Change at most this many orders in one transaction.
    """
    return cast(OrdersResult, change_selected("cancel", orders, None, mode, batch_size))
