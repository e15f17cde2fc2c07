"""The allowed changes of an order's three statuses.

Every change of a status uses `new_status` or `may_become`, so no statement makes a change that is
not listed here. Source: Commerce Layer API reference, order object, its statuses and triggers. The
change from `placing` back to `pending` after a refused payment is our own.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, ColumnElement, case, literal

from order_factory.models.values.statuses import FulfillmentStatus, OrderStatus, PaymentStatus

Transitions = Mapping[StrEnum, tuple[StrEnum, ...]]

_O, _P, _F = OrderStatus, PaymentStatus, FulfillmentStatus

ORDER: Transitions = {
    _O.DRAFT: (_O.PENDING,),
    _O.PENDING: (_O.DRAFT, _O.PLACING, _O.PLACED, _O.CANCELLED),
    _O.PLACING: (_O.PENDING, _O.PLACED),
    _O.PLACED: (_O.EDITING, _O.APPROVED, _O.CANCELLED),
    _O.EDITING: (_O.PLACED, _O.CANCELLED),
    _O.APPROVED: (_O.CANCELLED,),
    _O.CANCELLED: (),
}

PAYMENT: Transitions = {
    _P.UNPAID: (_P.AUTHORIZED, _P.PARTIALLY_AUTHORIZED, _P.PAID, _P.FREE),
    _P.PARTIALLY_AUTHORIZED: (_P.AUTHORIZED, _P.PARTIALLY_PAID, _P.PARTIALLY_VOIDED, _P.VOIDED),
    _P.AUTHORIZED: (_P.PAID, _P.PARTIALLY_PAID, _P.VOIDED, _P.PARTIALLY_VOIDED),
    _P.PARTIALLY_PAID: (_P.PAID, _P.PARTIALLY_VOIDED, _P.PARTIALLY_REFUNDED, _P.REFUNDED),
    _P.PARTIALLY_VOIDED: (_P.VOIDED, _P.PAID, _P.PARTIALLY_PAID),
    _P.PAID: (_P.PARTIALLY_REFUNDED, _P.REFUNDED),
    _P.PARTIALLY_REFUNDED: (_P.REFUNDED,),
    _P.FREE: (_P.UNPAID,),
    _P.VOIDED: (),
    _P.REFUNDED: (),
}

FULFILLMENT: Transitions = {
    _F.UNFULFILLED: (_F.IN_PROGRESS, _F.FULFILLED, _F.NOT_REQUIRED),
    _F.IN_PROGRESS: (_F.FULFILLED,),
    _F.NOT_REQUIRED: (_F.UNFULFILLED,),
    _F.FULFILLED: (),
}

# By the name of the column.
TRANSITIONS: Mapping[str, Transitions] = {
    "status": ORDER,
    "payment_status": PAYMENT,
    "fulfillment_status": FULFILLMENT,
}


def may_become(column: Column[Any], status: StrEnum) -> ColumnElement[bool]:
    """Whether a row may change from the status in this column to the given one."""
    return column.in_(list_sources(column, status))


def new_status(
    column: Column[Any], status: StrEnum, when: ColumnElement[bool] | None = None
) -> ColumnElement[Any]:
    """Return the new value of the column: the status, if the change is allowed and `when` is true.

    Otherwise the row keeps its status.
    """
    allowed = may_become(column, status)
    return case((allowed if when is None else allowed & when, status.value), else_=column)


def transition_message(column: Column[Any], status: StrEnum) -> ColumnElement[str]:
    """Return the message `cannot transition from pending to placed`, with the status of the row."""
    return literal("cannot transition from ") + column + f" to {status.value}"


def list_sources(column: Column[Any], status: StrEnum) -> list[StrEnum]:
    """Return the statuses that may change to this one, in the order of the table."""
    return [source for source, targets in TRANSITIONS[column.key].items() if status in targets]
