"""The common part of the flows that change orders."""

from time import perf_counter
from typing import Annotated, Any

from prefect.runtime import flow_run
from prefect.states import Completed, Failed
from pydantic import PlainValidator

from order_factory.flows.support.end_states import choose_end_state
from order_factory.flows.support.stop_signals import watch_for_stop
from order_factory.models.database.schema import require_schema
from order_factory.models.errors import InvalidRequest
from order_factory.models.requests.order_filters import OrderFilter
from order_factory.models.results.orders import (
    PROBLEMS_SHOWN,
    OrdersRefused,
    OrdersResult,
    OrdersWaiting,
    RefusedOrder,
)
from order_factory.models.values.statuses import Mode
from order_factory.tasks.authorize_payments import authorize_payments
from order_factory.tasks.change_orders import change_orders, read_order_outcomes, select_orders
from order_factory.tasks.payments.claiming import Scope
from order_factory.tasks.prefect_ui.artifacts import show_orders_result
from order_factory.tasks.selections.reading import Orders, accept_orders

# The optional and the required parameter `orders` of a flow. A form has a text for it.
SelectedOrders = Annotated[
    Orders | None, PlainValidator(accept_orders, json_schema_input_type=str | None)
]
NamedOrders = Annotated[Orders, PlainValidator(accept_orders, json_schema_input_type=str)]


def change_selected(
    change: str,
    orders: Orders | None,
    orders_where: OrderFilter | None,
    mode: Mode,
    batch_size: int,
    amount_cents: int | None = None,
    name: str | None = None,
) -> Any:
    """Change these orders, and return the final state of the run.

    Each part is one transaction, after which the gateways are called. After a crash, run it again:
    finished changes are not repeated, and recorded ones are completed.
    """
    require_schema()
    if (orders is None) == (orders_where is None):
        raise InvalidRequest("Give either orders or orders_where.")
    started = perf_counter()
    keys = select_orders(change, orders, orders_where, mode)
    refused: set[int] = set()
    problems: list[RefusedOrder] = []
    gateway_problems: list[str] = []
    with watch_for_stop(str(flow_run.id)) as stop:
        for part, first in enumerate(range(0, len(keys), batch_size), 1):
            changed = change_orders(
                change, keys[first : first + batch_size], part, amount_cents, name
            )
            refused |= changed.keys
            problems += changed.problems
            gateway_problems += authorize_payments(Scope(orders=True), stop.is_set).problems
            if stop.is_set():
                break
    waiting, by_gateways = 0, 0
    accepted = [key for key in keys if key not in refused]
    for first in range(0, len(accepted), batch_size):
        outcomes = read_order_outcomes(change, accepted[first : first + batch_size])
        waiting += outcomes.waiting
        by_gateways += len(outcomes.refused)
        problems += outcomes.refused
    result = OrdersResult(
        change=change,
        orders_count=len(keys),
        done=len(keys) - len(refused) - by_gateways - waiting,
        waiting=waiting,
        refused=len(refused) + by_gateways,
        problems=problems[:PROBLEMS_SHOWN],
        seconds=perf_counter() - started,
    )
    show_orders_result(result)
    if waiting:
        failure = OrdersWaiting(result, gateway_problems or ["another run asks the gateway"])
        return Failed(message=str(failure), data=failure)
    if not keys:
        return Completed(message=f"{change}: no order matches; nothing was changed", data=result)
    return choose_end_state(
        result.outcome,
        result,
        completed=result.done,
        failed=result.refused,
        errors=bool(problems),
        failure=OrdersRefused(result),
    )
