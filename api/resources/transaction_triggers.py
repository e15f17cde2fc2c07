"""The triggers of authorizations and captures: to capture, to void and to refund.

Each is recorded in the transaction of the request. The gateway is called after the commit.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from order_factory.api.resources import writables
from order_factory.api.resources.description import Broken, Row, Values, Writable
from order_factory.models.tables.base import utc_now
from order_factory.models.tables.transactions import TransactionStatus

_GIVEN = {"create": False, "trigger": True}
_CAPTURE_AMOUNT, _REFUND_AMOUNT = "_capture_amount_cents", "_refund_amount_cents"

AUTHORIZATION_TRIGGERS: tuple[Writable, ...] = (
    writables.flag("_capture", meaning="Capture it, or a part of it.", **_GIVEN),
    writables.integer(
        _CAPTURE_AMOUNT,
        least=1,
        meaning="How much `_capture` takes; the rest is released. What the order costs if it is "
        "not given.",
        **_GIVEN,
    ),
    writables.flag("_void", meaning="Void it. Its order keeps its status.", **_GIVEN),
)
CAPTURE_TRIGGERS: tuple[Writable, ...] = (
    writables.flag("_refund", meaning="Refund it, or a part of it.", **_GIVEN),
    writables.integer(
        _REFUND_AMOUNT,
        least=1,
        meaning="How much `_refund` gives back; all that is left if it is not given.",
        **_GIVEN,
    ),
)


def act_on_authorization(
    db: Connection, row: Row, triggers: Values, request: str
) -> Sequence[Broken]:
    """Capture or void the payment of its order. Returns what prevents it."""
    if "_capture" in triggers and "_void" in triggers:
        return [Broken("goes without _capture", "_void")]
    changes = {"_capture": "capture", "_void": "void"}
    return _act(db, row, triggers, request, changes, _CAPTURE_AMOUNT)


def act_on_capture(db: Connection, row: Row, triggers: Values, request: str) -> Sequence[Broken]:
    """Refund the payment of its order. Returns what prevents it."""
    return _act(db, row, triggers, request, {"_refund": "refund"}, _REFUND_AMOUNT)


def _act(
    db: Connection,
    row: Row,
    triggers: Values,
    request: str,
    changes: Mapping[str, str],
    amount: str,
) -> Sequence[Broken]:
    if amount in triggers and amount.removesuffix("_amount_cents") not in triggers:
        return [Broken(f"goes with {amount.removesuffix('_amount_cents')}", amount)]
    # They import Prefect, which takes seconds; the service answers meanwhile.
    from order_factory.tasks.orders.changes import CHANGES
    from order_factory.tasks.working_set.requested_orders import ask, read_problems

    for name in (each for each in changes if each in triggers):
        if row["status"] != TransactionStatus.SUCCEEDED:
            return [Broken(f"needs a transaction that succeeded; it is {row['status']}", name)]
        ask(db, [row["order_id"]], triggers.get(amount), request)
        CHANGES[changes[name]](db, utc_now())
        if problems := read_problems(db):
            return [
                Broken(each.message, amount if each.field == amount else name) for each in problems
            ]
    return ()
