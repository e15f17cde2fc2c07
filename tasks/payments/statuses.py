"""The payment status of orders, computed from their captures and refunds."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, select, update

from order_factory.models.tables import Order, Transaction
from order_factory.models.tables.transactions import TransactionStatus, TransactionType
from order_factory.models.values.event_names import EventName
from order_factory.models.values.order_states import new_status
from order_factory.models.values.statuses import PaymentStatus
from order_factory.tasks.working_set.events import record_order_events
from order_factory.tasks.working_set.statements import NOW, table_of

_order, _transaction = table_of(Order), table_of(Transaction)


def update_payment_statuses(db: Connection, orders: Select[tuple[int]], now: datetime) -> None:
    """Set the payment status of these orders from the sums of their captures and refunds."""
    captured, refunded = _sum(TransactionType.CAPTURES), _sum(TransactionType.REFUNDS)
    column = _order.c.payment_status
    status = case(
        (
            and_(refunded > 0, refunded >= captured),
            new_status(column, PaymentStatus.REFUNDED),
        ),
        (refunded > 0, new_status(column, PaymentStatus.PARTIALLY_REFUNDED)),
        (
            captured >= _order.c.total_amount_with_taxes_cents,
            new_status(column, PaymentStatus.PAID),
        ),
        else_=new_status(column, PaymentStatus.PARTIALLY_PAID),
    )
    statement = update(_order).where(_order.c.id.in_(orders))
    db.execute(statement.values(payment_status=status, updated_at=NOW), {"now": now})
    is_paid = column.in_([PaymentStatus.PAID, PaymentStatus.PARTIALLY_PAID])
    record_order_events(db, [EventName.ORDER_PAY], orders, is_paid, now=now)
    is_refunded = column.in_([PaymentStatus.REFUNDED, PaymentStatus.PARTIALLY_REFUNDED])
    record_order_events(db, [EventName.ORDER_REFUND], orders, is_refunded, now=now)


def _sum(kind: TransactionType) -> ColumnElement[Any]:
    rows = select(func.coalesce(func.sum(_transaction.c.amount_cents), 0)).where(
        _transaction.c.order_id == _order.c.id,
        _transaction.c.type == kind,
        _transaction.c.status == TransactionStatus.SUCCEEDED,
    )
    return rows.correlate(_order).scalar_subquery()
