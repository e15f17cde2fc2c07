"""Placing many existing orders."""

from typing import Annotated, cast

from pydantic import Field

from order_factory.flows.support.order_changes import SelectedOrders, change_selected
from order_factory.flows.support.shop_flow import shop_flow
from order_factory.models.requests.order_filters import FormFilter
from order_factory.models.results.orders import OrdersResult
from order_factory.models.values.statuses import Mode
from order_factory.tasks.batches.chunking import BATCH_SIZE


@shop_flow(name="place-orders", flow_run_name="place orders", not_in_form=("batch_size",))
def place_orders(
    orders: SelectedOrders = None,
    orders_where: FormFilter = None,
    *,
    mode: Mode = Mode.LIVE,
    batch_size: Annotated[int, Field(ge=1, le=100_000)] = BATCH_SIZE,
) -> OrdersResult:
    """Place pending orders: reserve their stock and authorize their payments.

    An order that needs a payment gateway is `placing` until the gateway has answered. If the
    payment is declined, the order is pending again. Orders that are placed already stay as they
    are. So after a crash you can simply run it again: nothing is paid twice. Raises
    `OrdersInvalid` and `InvalidRequest` before anything is changed, `OrdersRefused` when all
    orders were refused, and `OrdersWaiting` while a gateway gives no answer.

    Args:
        orders: Order numbers or ids, as a list or as text with commas or spaces between them; or
            the path of a CSV, Parquet, XLSX or JSON Lines file with the column source_order.
        orders_where: Filter for the orders to place, instead of a list. It selects only pending
            orders, including copies.
        mode: Whether the numbers are those of live orders or of test orders. A filter has its own.
        batch_size: Change at most this many orders in one transaction.
    """
    result = change_selected("place", orders, orders_where, mode, batch_size)
    return cast(OrdersResult, result)
