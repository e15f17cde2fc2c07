"""The stages of draining a batch. A worker can stop at each of them and be killed there."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from order_factory.gateways.protocol import Answer, GatewayRequest
from order_factory.gateways.testing import TestGateway
from order_factory.models.database.engine import get_engine
from order_factory.tasks import copy_orders
from order_factory.tasks.copying import engine
from order_factory.tasks.copying.engine import CopiedOrders
from order_factory.tasks.copying.placing_again import STEPS as PLACING_STEPS
from order_factory.tasks.copying.recipe import STEPS

ReportStage = Callable[[str], None]

NAMES = tuple(step.__name__ for step in STEPS)
# In a night whose orders keep their prices, these steps write nothing.
IDLE = {"copy_customers", "refresh_prices", "apply_promotions", "use_gift_cards"}
WRITES = ("INSERT", "UPDATE", "DELETE")

# The stages of each transaction, in this order. `drain` has further stages.
BEFORE_COMMIT = (
    "claimed",
    *(
        f"{part} {step}"
        for step in NAMES
        for part in ("before", "within", "after")
        if part != "within" or step not in IDLE
    ),
    "copied",
)
AFTER_COMMIT = ("committed",)
# The same in a transaction that places orders again.
BEFORE_COMMIT_OF_RETRY = (
    "claimed",
    *(
        f"{part} {step.__name__}"
        for step in PLACING_STEPS
        for part in ("before", "within", "after")
        # Without errors, the check only reads. There are no gift cards.
        if part != "within" or step.__name__ not in {"check_orders_again", "use_gift_cards"}
    ),
    "copied",
)


def report_stages(report: ReportStage) -> None:
    """Call `report` at every stage of copying, in this process from now on.

    `within` a step means: after its first statement that writes.
    """
    within: list[str] = []

    def wrap_step(step: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any) -> Any:
            report(f"before {step.__name__}")
            within.append(step.__name__)
            result = step(*args)
            within.clear()
            report(f"after {step.__name__}")
            return result

        return run

    def note_statement(_db: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if within and statement.startswith(WRITES):
            report(f"within {within.pop()}")

    copy_claimed = engine.copy_claimed

    def copy(*args: Any, **options: Any) -> CopiedOrders:
        report("claimed")
        copied = copy_claimed(*args, **options)
        report("copied")
        return copied

    authorize = TestGateway.authorize

    def call(self: TestGateway, request: GatewayRequest) -> Answer:
        report("asking")
        try:
            return authorize(self, request)
        finally:
            report("called")

    TestGateway.authorize = call  # type: ignore[method-assign]
    for steps in (STEPS, PLACING_STEPS):
        steps[:] = [wrap_step(step) for step in steps]
    vars(copy_orders)["copy_claimed"] = copy
    event.listen(get_engine(), "after_cursor_execute", note_statement)
