"""The triggers of orders: attributes that begin with `_` and request an action.

Each action is carried out, or recorded as pending, in the transaction of the request. A payment
gateway is called after the commit, by the dispatcher or a flow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from order_factory.api.resources import writables
from order_factory.api.resources.description import Broken, Row, Values, Writable
from order_factory.models.tables import Address, CustomerPaymentSource, Order
from order_factory.models.tables.base import utc_now
from order_factory.models.values.public_ids import Resource, parse_public_id
from order_factory.models.values.statuses import EDITABLE
from order_factory.tasks.working_set.statements import table_of

AMOUNT = "_refund_amount_cents"
_order, _address = table_of(Order), table_of(Address)
_saved = table_of(CustomerPaymentSource)


@dataclass(frozen=True)
class _Declared:
    """A trigger, its meaning, and its changes in order."""

    name: str
    meaning: str
    changes: tuple[str, ...]


# The order in which several triggers of a request are carried out.
_LIFE = (
    _Declared("_refresh", "Add up the lines of an order that is open.", ("refresh",)),
    _Declared("_refresh_prices", "Give its lines today's prices.", ("refresh_prices",)),
    _Declared("_stop_editing", "Close an order again that is edited.", ("stop_editing",)),
    _Declared("_place", "Place the order; it is `placing` until a gateway answers.", ("place",)),
    _Declared("_approve", "Approve an order that is placed.", ("approve",)),
    _Declared(
        "_approve_and_capture", "Approve it, and capture its payment.", ("approve", "capture")
    ),
    _Declared("_capture", "Capture the payment that is authorized.", ("capture",)),
    _Declared("_start_editing", "Open an order for changes that is placed.", ("start_editing",)),
    _Declared("_cancel", "Cancel it, and void its authorization.", ("cancel",)),
    _Declared("_refund", "Refund what was captured, or a part of it.", ("refund",)),
    _Declared("_archive", "Archive the order.", ("archive",)),
    _Declared("_unarchive", "Take it back from the archive.", ("unarchive",)),
)
_FLAGS = {
    "_shipping_address_same_as_billing": "Ship to a copy of the billing address.",
    "_billing_address_same_as_shipping": "Bill to a copy of the shipping address.",
}
_IDS = {
    "_customer_payment_source_id": "Pay with this entry of the customer's wallet.",
    "_billing_address_clone_id": "Bill to a copy of this address.",
    "_shipping_address_clone_id": "Ship to a copy of this address.",
}


def order_triggers() -> tuple[Writable, ...]:
    given = {"create": False, "trigger": True}
    flags = {**_FLAGS, **{each.name: each.meaning for each in _LIFE}}
    amount = "How much `_refund` gives back; all that is left if it is not given."
    return (
        *(writables.text(name, meaning=meaning, **given) for name, meaning in _IDS.items()),
        *(writables.flag(name, meaning=meaning, **given) for name, meaning in flags.items()),
        writables.integer(AMOUNT, least=1, meaning=amount, **given),
    )


def act(db: Connection, row: Row, triggers: Values, request: str) -> Sequence[Broken]:
    """Carry out the triggers for this order. Returns the problem that prevents it, if any.

    A repeated `request` refunds nothing more.
    """
    now, key = utc_now(), row["id"]
    status = db.scalar(select(_order.c.status).where(_order.c.id == key))
    if AMOUNT in triggers and "_refund" not in triggers:
        return [Broken("goes with _refund", AMOUNT)]
    for name in (*_IDS, *_FLAGS):
        if name in triggers:
            if status not in EDITABLE:
                return [Broken(f"cannot be changed: the order is {status}", name)]
            broken = _change_detail(db, row, name, triggers[name], now)
            if broken:
                return [broken]
    changes = [change for each in _LIFE if each.name in triggers for change in each.changes]
    return _live(db, key, changes, triggers.get(AMOUNT), request, now) if changes else ()


def _live(
    db: Connection,
    key: int,
    changes: list[str],
    amount_cents: int | None,
    request: str,
    now: datetime,
) -> list[Broken]:
    # These import Prefect, which takes seconds, and the service has to start sooner.
    from order_factory.tasks.orders.changes import CHANGES
    from order_factory.tasks.working_set.requested_orders import ask, read_problems

    for change in changes:
        ask(db, [key], amount_cents, request)
        CHANGES[change](db, now)
        if problems := read_problems(db):
            return [Broken(each.message, each.field) for each in problems]
    return []


def _change_detail(
    db: Connection, row: Row, name: str, given: object, now: datetime
) -> Broken | None:
    from order_factory.tasks.orders.details import clone_address, copy_other_address, pay_with

    key = row["id"]
    if name == "_customer_payment_source_id":
        saved = parse_public_id(Resource.customer_payment_sources, str(given))
        customer = db.scalar(select(_order.c.customer_id).where(_order.c.id == key))
        statement = select(_saved.c.id).where(
            _saved.c.id == saved, _saved.c.customer_id == customer
        )
        if saved is None or customer is None or db.scalar(statement) is None:
            return Broken("must be in the wallet of the order's customer", name)
        pay_with(db, key, saved, now)
    elif name in _IDS:
        address = parse_public_id(Resource.addresses, str(given))
        known = select(_address.c.id).where(
            _address.c.id == address, _address.c.mode == row["mode"]
        )
        if address is None or db.scalar(known) is None:
            return Broken("must exist", name)
        kind = "billing" if name.startswith("_billing") else "shipping"
        clone_address(db, key, "billing" if kind == "billing" else "shipping", address, now)
    elif not copy_other_address(
        db, key, "shipping" if name.startswith("_shipping") else "billing", now
    ):
        return Broken("needs the other address, which the order does not have", name)
    return None
