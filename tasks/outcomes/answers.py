"""Record the answers of the gateways, for many orders in one transaction."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    and_,
    case,
    delete,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    true,
    update,
)

from order_factory.gateways.protocol import Answer
from order_factory.models.database.dialects import fill, plan_by_key
from order_factory.models.database.row_locks import lock_rows
from order_factory.models.tables import OrderFactory, Transaction
from order_factory.models.tables.base import utc_now
from order_factory.models.tables.transactions import TransactionStatus, TransactionType
from order_factory.models.values.copy_options import OPTIONS
from order_factory.models.values.event_names import EventName
from order_factory.tasks.outcomes.answered_orders import (
    ANSWERED,
    IS_AUTHORIZATION,
    end_authorizations,
    end_captures_and_refunds,
    end_voids,
)
from order_factory.tasks.outcomes.completion import close_factories
from order_factory.tasks.payments.claiming import Scope
from order_factory.tasks.working_set.batch import Batch
from order_factory.tasks.working_set.events import record_events
from order_factory.tasks.working_set.statements import (
    NOW,
    execute_and_count,
    insert_counted,
    table_of,
)
from order_factory.tasks.working_set.tables import (
    analyze_copies,
    answers,
    copies,
    open_temporary_tables,
    placements,
)

_transaction, _factory = table_of(Transaction), table_of(OrderFactory)
_EVENTS = {
    TransactionType.AUTHORIZATIONS: EventName.AUTHORIZATION_CREATE,
    TransactionType.CAPTURES: EventName.CAPTURE_CREATE,
    TransactionType.VOIDS: EventName.VOID_CREATE,
    TransactionType.REFUNDS: EventName.REFUND_CREATE,
}


def record_answers(db: Connection, answer_of: dict[int, Answer], flow_run_id: str | None) -> int:
    """Record the answers to transactions, by the transaction's key.

    An order is placed, or goes back to `pending` and releases its stock. A source order is
    cancelled if its payment is voided. An answer that was recorded before changes nothing.

    Returns the number of factories that are closed now, plus the number of answers about orders
    without a factory.
    """
    open_temporary_tables(db)
    plan_by_key(db)
    fill(
        db,
        answers,
        {
            "transaction_id": list(answer_of),
            "succeeded": [answer.succeeded for answer in answer_of.values()],
            "token": [answer.token for answer in answer_of.values()],
            "error_code": [_shorten(answer.error_code) for answer in answer_of.values()],
            "message": [answer.message for answer in answer_of.values()],
            "customer_action": [answer.customer_action for answer in answer_of.values()],
        },
    )
    return _apply_answers(db, flow_run_id)


def record_approvals(db: Connection, scope: Scope, flow_run_id: str | None) -> int:
    """Record an approval for every transaction in the scope, without calling a gateway.

    Only a transaction that is rolled back may use it. Returns the number of closed factories.
    """
    open_temporary_tables(db)
    due = select(_transaction.c.id, true()).where(
        _transaction.c.status == TransactionStatus.UNKNOWN, scope.condition
    )
    names = ["transaction_id", "succeeded"]
    if not execute_and_count(db, insert_counted(answers, names, due)):
        return 0
    return _apply_answers(db, flow_run_id)


def _apply_answers(db: Connection, flow_run_id: str | None) -> int:
    """Apply the answers in the temporary table. Returns the same number as `record_answers`."""
    now = utc_now()
    _lock_transactions(db)
    execute_and_count(db, _insert_waiting_copies())
    execute_and_count(db, _insert_placements())
    analyze_copies(db)
    _update_transactions(db, now)
    end_authorizations(db, now)
    end_voids(db, now)
    end_captures_and_refunds(db, now)
    batch = Batch(0, now, flow_run_id, None)
    without_factory = select(func.count()).select_from(ANSWERED)
    without_factory = without_factory.where(_transaction.c.order_factory_id.is_(None))
    return close_factories(db, batch, began=False) + (db.scalar(without_factory) or 0)


def _lock_transactions(db: Connection) -> None:
    """Lock the transactions in the order of their keys, and drop repeated answers."""
    lock_rows(db, _transaction, select(answers.c.transaction_id))
    unanswered = select(_transaction.c.id).where(
        _transaction.c.id == answers.c.transaction_id,
        _transaction.c.status == TransactionStatus.UNKNOWN,
    )
    db.execute(delete(answers).where(not_(unanswered.correlate(answers).exists())))


def _insert_waiting_copies() -> Insert:
    """Insert a row into `copies` for each factory that waits for one of the answers."""
    values: dict[str, ColumnElement[Any]] = {
        "factory_id": _factory.c.id,
        "mode": _factory.c.mode,
        "source_order_id": _factory.c.source_order_id,
        **{name: _factory.c[name] for name in OPTIONS},
        # A factory that waits for a void has requested it already.
        "cancel_source_order": and_(_factory.c.cancel_source_order, IS_AUTHORIZATION),
        "target_order_id": _factory.c.target_order_id,
        "valid": literal(True),
        "failed": literal(False),
        "awaits": literal(False),
        "aborted": literal(False),
    }
    rows = ANSWERED.join(_factory, _factory.c.id == _transaction.c.order_factory_id)
    rows_to_insert = select(*values.values()).select_from(rows).distinct()
    return insert_counted(copies, list(values), rows_to_insert)


def _insert_placements() -> Insert:
    """Insert the copies whose orders are placed now, or were placed before and wait for a void."""
    rows = select(_transaction.c.order_factory_id, literal(False)).select_from(ANSWERED)
    placed = rows.where(
        _transaction.c.order_factory_id.is_not(None),
        or_(not_(IS_AUTHORIZATION), answers.c.succeeded),
    ).distinct()
    return insert_counted(placements, ["factory_id", "remote"], placed)


def _update_transactions(db: Connection, now: datetime) -> None:
    status = case(
        (answers.c.succeeded, TransactionStatus.SUCCEEDED.value),
        else_=TransactionStatus.FAILED.value,
    )
    statement = update(_transaction).where(_transaction.c.id == answers.c.transaction_id)
    execute_and_count(
        db,
        statement.values(
            status=status,
            token=answers.c.token,
            error_code=answers.c.error_code,
            message=answers.c.message,
            customer_action=answers.c.customer_action,
            claimed_by=null(),
            updated_at=NOW,
        ),
        now=now,
    )
    answered = select(_transaction.c.id, _transaction.c.mode).select_from(ANSWERED)
    for kind, name in _EVENTS.items():
        record_events(db, name, answered.where(_transaction.c.type == kind), now)


def _shorten(code: str | None) -> str | None:
    return None if code is None else code[:64]
