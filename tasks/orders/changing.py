"""Change the status of orders without a gateway: approve, archive, edit."""

from datetime import datetime

from sqlalchemy import (
    Connection,
    and_,
    exists,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    update,
)

from order_factory.models.tables import Order, Transaction
from order_factory.models.tables.transactions import TransactionStatus, TransactionType
from order_factory.models.values.event_names import EventName
from order_factory.models.values.order_states import may_become
from order_factory.models.values.statuses import OrderStatus, PaymentStatus
from order_factory.tasks.orders.placing import take_stock_again
from order_factory.tasks.working_set.amount_texts import describe_amount
from order_factory.tasks.working_set.events import record_order_events
from order_factory.tasks.working_set.requested_orders import (
    accepted_orders,
    drop_orders,
    refuse,
    refuse_transition,
)
from order_factory.tasks.working_set.statements import NOW, table_of

_order, _transaction = table_of(Order), table_of(Transaction)
# The total may change until something is captured.
_STILL_OPEN = (PaymentStatus.UNPAID, PaymentStatus.AUTHORIZED, PaymentStatus.FREE)


def approve(db: Connection, now: datetime) -> None:
    """Approve the requested orders if they are placed. Approved orders stay as they are."""
    drop_orders(db, _order.c.status == OrderStatus.APPROVED)
    allowed = may_become(_order.c.status, OrderStatus.APPROVED)
    refuse_transition(db, OrderStatus.APPROVED, not_(allowed))
    statement = update(_order).where(_order.c.id.in_(accepted_orders()), allowed)
    values = {"status": OrderStatus.APPROVED, "approved_at": NOW, "updated_at": NOW}
    db.execute(statement.values(values), {"now": now})
    record_order_events(db, [EventName.ORDER_APPROVE], accepted_orders(), now=now)


def archive(db: Connection, now: datetime) -> None:
    """Archive the requested orders. Archived orders keep their time."""
    drop_orders(db, _order.c.archived_at.is_not(None))
    statement = update(_order).where(_order.c.id.in_(accepted_orders()))
    db.execute(statement.values(archived_at=NOW, updated_at=NOW), {"now": now})


def unarchive(db: Connection, now: datetime) -> None:
    """Remove the requested orders from the archive."""
    drop_orders(db, _order.c.archived_at.is_(None))
    statement = update(_order).where(_order.c.id.in_(accepted_orders()))
    db.execute(statement.values(archived_at=null(), updated_at=NOW), {"now": now})


def start_editing(db: Connection, now: datetime) -> None:
    """Open the requested orders, so that their lines, addresses and customer can be changed."""
    drop_orders(db, _order.c.status == OrderStatus.EDITING)
    allowed = may_become(_order.c.status, OrderStatus.EDITING)
    refuse_transition(db, OrderStatus.EDITING, not_(allowed))
    message = literal("cannot be edited: the order is ") + _order.c.payment_status
    refuse(db, "payment_status", message, _order.c.payment_status.not_in(_STILL_OPEN))
    undecided = exists().where(
        _transaction.c.order_id == _order.c.id, _transaction.c.status == TransactionStatus.UNKNOWN
    )
    refuse(db, "payment_status", "cannot be edited: the payment is not decided yet", undecided)
    statement = update(_order).where(_order.c.id.in_(accepted_orders()), allowed)
    db.execute(statement.values(status=OrderStatus.EDITING, updated_at=NOW), {"now": now})


def stop_editing(db: Connection, now: datetime) -> None:
    """End the editing of the requested orders, and take the stock that their lines need now.

    The authorized payment must suffice, because no gateway is called. The caller rolls back if a
    problem is recorded.
    """
    drop_orders(db, _order.c.status == OrderStatus.PLACED)
    edited = _order.c.status == OrderStatus.EDITING
    refuse_transition(db, OrderStatus.PLACED, not_(edited))
    held = (
        select(func.coalesce(func.sum(_transaction.c.amount_cents), 0))
        .where(_transaction.c.order_id == _order.c.id)
        .where(_transaction.c.type == TransactionType.AUTHORIZATIONS)
        .where(_transaction.c.status == TransactionStatus.SUCCEEDED)
        .correlate(_order)
        .scalar_subquery()
    )
    total, payment = _order.c.total_amount_with_taxes_cents, _order.c.payment_status
    too_much = and_(payment == PaymentStatus.AUTHORIZED, total > held)
    not_free = and_(payment == PaymentStatus.FREE, total > 0)
    message = (
        literal("must be at most ")
        + describe_amount(held, _order.c.currency_code)
        + ", what is authorized; cancel the order and place another one"
    )
    refuse(db, "total_amount_with_taxes_cents", message, or_(too_much, not_free))
    statement = update(_order).where(_order.c.id.in_(accepted_orders()), edited)
    db.execute(statement.values(status=OrderStatus.PLACED, updated_at=NOW), {"now": now})
    take_stock_again(db, now)
