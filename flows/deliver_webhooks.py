"""Delivering webhooks."""

from time import monotonic
from typing import Annotated, Any, cast

from prefect.states import Completed
from pydantic import BaseModel, Field

from order_factory.api.webhook_documents import render_documents
from order_factory.flows.support.shop_flow import shop_flow
from order_factory.models.database.schema import require_schema
from order_factory.tasks.webhooks.delivering import send_due_deliveries
from order_factory.tasks.webhooks.settings import webhook_settings


class DeliveryResult(BaseModel, frozen=True):
    """The outcome of a run that delivers webhooks."""

    delivered: int = Field(description="Number of deliveries that the receivers accepted.")
    failed: int = Field(description="Number of tries that failed. They are repeated later.")
    busy: bool = Field(default=False, description="Another process is delivering now.")


@shop_flow(name="deliver-webhooks", flow_run_name="deliver webhooks")
def deliver_webhooks(
    minutes: Annotated[float, Field(gt=0, le=1_440)] = 50.0,
) -> DeliveryResult:
    """Send the deliveries that are due, until none is due.

    Deliveries that failed are due again later. One process at a time delivers. While
    `order-factory serve` runs, it delivers, and this run ends without a delivery.

    Args:
        minutes: Stop after this many minutes, even when deliveries are still due.
    """
    require_schema()
    deadline = monotonic() + minutes * 60
    deliveries = send_due_deliveries(
        render_documents,
        webhook_settings(),
        until_idle=True,
        is_ending=lambda: monotonic() >= deadline,
    )
    if deliveries is None:
        return _make_state(
            "another process delivers", DeliveryResult(delivered=0, failed=0, busy=True)
        )
    result = DeliveryResult(delivered=deliveries.delivered, failed=deliveries.failed)
    return _make_state(f"{deliveries.delivered:,} delivered, {deliveries.failed:,} failed", result)


def _make_state(message: str, result: DeliveryResult) -> DeliveryResult:
    state: Any = Completed(message=message, data=result)
    return cast(DeliveryResult, state)
