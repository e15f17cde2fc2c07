"""Publishing what happened as Prefect events, once it is committed."""

from prefect.events import emit_event

from models.results import BulkResult, OrderFactoryResult
from models.statuses import FactoryStatus

_OUTCOMES = {FactoryStatus.COMPLETED: "complete", FactoryStatus.FAILED: "fail"}


def publish_factory(result: OrderFactoryResult) -> None:
    """Say how one copy ended: `order_factories.complete` or `order_factories.fail`."""
    outcome = _OUTCOMES.get(result.status)
    if outcome is None:
        return
    emit_event(
        event=f"order_factories.{outcome}",
        resource={"prefect.resource.id": f"order_factories.{result.id}"},
        payload={
            "id": result.id,
            "type": result.type,
            "mode": result.mode,
            "source_order": result.source_order.id,
            "target_order": result.target_order.id if result.target_order else None,
            "errors_count": result.errors_count,
        },
    )


def publish_batch(result: BulkResult) -> None:
    """Say how a batch ended: one event with the counts, however many orders it has."""
    emit_event(
        event=f"order_factory_batches.{result.status}",
        resource={"prefect.resource.id": f"order_factory_batches.{result.id}"},
        payload=result.model_dump(
            mode="json", include={"id", "orders_count", "pending", "completed", "failed"}
        ),
    )
