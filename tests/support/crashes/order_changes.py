"""A process that changes an order and asks its gateway, and stops on the way to be killed there."""

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

# Before the change is committed, after that, between the gateway's call and its result, and
# before the result is committed.
STAGES = ("changed", "recorded", "called", "answered")


def killed_while_changing(change: str, order: int, stage: str) -> None:
    """Make the change in a process of its own, which is killed at the stage."""
    ours, theirs = pipe()
    process = ForkedProcess(work, change, order, stage, theirs)
    try:
        assert ours.poll(PATIENCE_SECONDS), "the process says nothing"
        assert ours.recv() == stage
    finally:
        process.kill()
        process.join()
        ours.close()


def work(change: str, order: int, stop_at: str, parent: Connection) -> None:
    def reached(stage: str) -> None:
        if stage == stop_at:
            parent.send(stage)
            parent.recv()

    def telling(call: Callable[..., Any], stage: str) -> Callable[..., Any]:
        def told(*args: Any) -> Any:
            answer = call(*args)
            reached(stage)
            return answer

        return told

    for name in ("authorize", "capture", "void", "refund"):
        setattr(TestGateway, name, telling(getattr(TestGateway, name), "called"))
    record = vars(authorize_payments)["record_answers"]
    vars(authorize_payments)["record_answers"] = telling(record, "answered")
    with begin() as db:
        ask(db, [order], name="once")
        CHANGES[change](db, utc_now())
        reached("changed")
    reached("recorded")
    authorize_payments.authorize_payments.fn(Scope(orders=True))
    parent.send("the end")
