"""The outcomes of changes of orders: refusals, and answers of gateways."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from order_factory.models.results.orders import RefusedOrder
from order_factory.models.tables import Order, Transaction
from order_factory.models.tables.transactions import TransactionStatus, TransactionType
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.models.values.statuses import OrderStatus
from order_factory.tasks.working_set.requested_orders import OrderProblem, ask, requested_orders
from order_factory.tasks.working_set.statements import table_of

_order, _transaction = table_of(Order), table_of(Transaction)
_KINDS = {
    "place": TransactionType.AUTHORIZATIONS,
    "capture": TransactionType.CAPTURES,
    "cancel": TransactionType.VOIDS,
    "refund": TransactionType.REFUNDS,
}
_WORDS = {
    "place": "the payment was declined: ",
    "capture": "the payment could not be captured: ",
    "cancel": "the order is cancelled, and its payment could not be voided: ",
    "refund": "the payment could not be refunded: ",
}


@dataclass(frozen=True)
class Outcomes:
    """The number of orders that wait for a gateway, and the orders that a gateway has refused."""

    waiting: int
    refused: list[RefusedOrder]


def list_refused_orders(db: Connection, problems: list[OrderProblem]) -> list[RefusedOrder]:
    """Return the problems with the names of their orders."""
    keys = {each.order_id for each in problems}
    numbers = select(_order.c.id, _order.c.number).where(_order.c.id.in_(keys))
    names = {key: number for key, number in db.execute(numbers)}
    return [
        RefusedOrder(
            order=_name(each.order_id, names.get(each.order_id)),
            field=each.field,
            message=each.message,
        )
        for each in problems
    ]


def read_outcomes(db: Connection, change: str, keys: list[int]) -> Outcomes:
    """Return the latest answers of gateways about this change of these orders."""
    ask(db, keys)
    newest = (
        select(func.max(_transaction.c.id))
        .join(requested_orders, requested_orders.c.order_id == _transaction.c.order_id)
        .where(_transaction.c.type == _KINDS[change])
        .group_by(_transaction.c.order_id)
    )
    rows = select(
        _order.c.id, _order.c.number, _order.c.status, _transaction.c.status, _transaction.c.message
    ).join(_transaction, _transaction.c.order_id == _order.c.id)
    waiting, refused = 0, []
    rows = rows.where(
        _transaction.c.id.in_(newest), _transaction.c.status != TransactionStatus.SUCCEEDED
    )
    for key, number, status, answer, message in db.execute(rows.order_by(_order.c.id)):
        if answer == TransactionStatus.UNKNOWN:
            waiting += 1
        elif change != "place" or status == OrderStatus.PENDING:
            message = _WORDS[change] + (message or "the gateway gave no reason")
            name = _name(key, number)
            refused.append(RefusedOrder(order=name, field="payment_source", message=message))
    return Outcomes(waiting, refused)


def _name(key: int, number: str | None) -> str:
    return number or public_id(Resource.orders, key)
