"""Publish committed changes as Prefect events."""

from typing import Any

from prefect.events import emit_event

from order_factory.models.database.identity import explain_cut_off
from order_factory.models.database.retrying import read
from order_factory.models.results.copies import BulkResult, OrderFactoryResult, summary
from order_factory.models.values.event_names import EventName
from order_factory.models.values.statuses import BatchStatus, FactoryStatus

_ENDS = {
    FactoryStatus.COMPLETED: EventName.COMPLETE,
    FactoryStatus.FAILED: EventName.FAIL,
}


def _emit(**event: Any) -> None:
    """Publish an event. A copy of a shop's database must not: automations send notices."""
    if read(explain_cut_off) is None:
        emit_event(**event)


def publish_factory(result: OrderFactoryResult) -> None:
    """Publish the end of one copy: `order_factories.complete` or `order_factories.fail`."""
    name = _ENDS.get(result.status)
    if name is None:
        return
    _emit(
        event=name,
        resource={"prefect.resource.id": f"order_factories.{result.id}"},
        payload={
            "id": result.id,
            "type": result.type,
            "mode": result.mode,
            "source_order": result.source_order.id,
            "target_order": result.target_order.id if result.target_order else None,
            "errors_count": result.errors_count,
            "outcome": summary(result),
        },
    )


def publish_more(count: int) -> None:
    """Publish the number of further single copies that ended, as `order_factories.more`.

    One event covers all of them, because an event per copy would overload Prefect's server.
    """
    if count > 0:
        _emit(
            event=EventName.MORE,
            resource={"prefect.resource.id": "order_factories.more"},
            payload={"count": count, "outcome": f"{count:,} more orders were copied or failed"},
        )


def publish_waiting() -> None:
    """Publish that recorded copies wait: `order_factories.create`.

    It is one event for any number of copies. The receiver reads the database.
    """
    _emit(
        event=EventName.CREATE,
        resource={"prefect.resource.id": "order_factories.waiting"},
    )


def publish_waiting_for_payment(batch: str, count: int) -> None:
    """Publish that failed renewals wait for another payment source: `order_factories.wait`."""
    if count > 0:
        what = "renewal waits" if count == 1 else "renewals wait"
        reason = "another payment source, or for the customer to confirm the payment"
        _emit(
            event=EventName.WAIT,
            resource={"prefect.resource.id": "order_factories.wait"},
            payload={"batch": batch, "count": count, "outcome": f"{count:,} {what} for {reason}"},
        )


def publish_batch(result: BulkResult) -> None:
    """Publish the end of a batch: one event with the counts.

    `order_factory_batches.complete`, or `.fail` if a copy failed or is unfinished, or `.abort` if
    the batch was stopped.
    """
    if result.status == BatchStatus.ABORTED:
        name = EventName.BATCH_ABORT
    else:
        unfinished = result.pending + result.in_progress
        name = EventName.BATCH_FAIL if result.failed or unfinished else EventName.BATCH_COMPLETE
    counts = {"id", "orders_count", "pending", "completed", "failed"}
    _emit(
        event=name,
        resource={"prefect.resource.id": f"order_factory_batches.{result.id}"},
        payload=result.model_dump(mode="json", include=counts) | {"outcome": result.outcome},
    )
