"""A process that changes an order and calls its gateway. It is killed at a stage of that."""

from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from order_factory.gateways.testing import TestGateway
from order_factory.models.database.engine import begin
from order_factory.models.tables.base import utc_now
from order_factory.tasks import authorize_payments
from order_factory.tasks.orders.changes import CHANGES
from order_factory.tasks.payments.claiming import Scope
from order_factory.tasks.working_set.requested_orders import ask
from tests.support.crashes.forked import ForkedProcess, pipe
from tests.support.crashes.processes import PATIENCE_SECONDS

# Before the commit of the change, after it, between the gateway's call and its result, and before
# the commit of the result.
STAGES = ("changed", "recorded", "called", "answered")


def kill_while_changing(change: str, order: int, stage: str) -> None:
    """Make the change in another process, and kill that process at the stage."""
    parent_end, child_end = pipe()
    process = ForkedProcess(work, change, order, stage, child_end)
    try:
        assert parent_end.poll(PATIENCE_SECONDS), "the process says nothing"
        assert parent_end.recv() == stage
    finally:
        process.kill()
        process.join()
        parent_end.close()


def work(change: str, order: int, stop_at: str, parent: Connection) -> None:
    def report(stage: str) -> None:
        if stage == stop_at:
            parent.send(stage)
            parent.recv()

    def wrap_call(call: Callable[..., Any], stage: str) -> Callable[..., Any]:
        def call_and_report(*args: Any) -> Any:
            answer = call(*args)
            report(stage)
            return answer

        return call_and_report

    for name in ("authorize", "capture", "void", "refund"):
        setattr(TestGateway, name, wrap_call(getattr(TestGateway, name), "called"))
    record = vars(authorize_payments)["record_answers"]
    vars(authorize_payments)["record_answers"] = wrap_call(record, "answered")
    with begin() as db:
        ask(db, [order], name="once")
        CHANGES[change](db, utc_now())
        report("changed")
    report("recorded")
    authorize_payments.authorize_payments.fn(Scope(orders=True))
    parent.send("the end")
