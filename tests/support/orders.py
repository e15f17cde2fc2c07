"""Changing orders in tests, without the API and the flows."""

from typing import Any

from order_factory.models.database.engine import begin
from order_factory.models.tables.base import utc_now
from order_factory.tasks.authorize_payments import authorize_payments
from order_factory.tasks.orders.changes import CHANGES
from order_factory.tasks.payments.claiming import Scope
from order_factory.tasks.working_set.requested_orders import OrderProblem, ask, read_problems
from tests.support.shop import Shop


def act(
    change: str, *orders: int, amount_cents: int | None = None, name: str | None = None
) -> list[OrderProblem]:
    """Make this change of these orders in one transaction; what was wrong with which."""
    with begin() as db:
        ask(db, orders, amount_cents, name)
        CHANGES[change](db, utc_now())
        return read_problems(db)


def ask_gateways() -> list[str]:
    """Ask the gateways what was recorded for orders; the problems that were met."""
    return authorize_payments.fn(Scope(orders=True)).problems


def acted(change: str, *orders: int, **options: Any) -> list[OrderProblem]:
    """The same, and then the gateways are asked."""
    problems = act(change, *orders, **options)
    assert ask_gateways() == []
    return problems


def open_order(shop: Shop, token: str | None = "tok_approve", **values: Any) -> int:
    """A pending order of a shop's own, to be paid by the gateway `test` unless given."""
    customer = shop.customer()
    card = {"gateway": values.pop("gateway", "test"), "payment_source_token": token}
    saved = shop.payment_source(wallet_of=customer, **card)
    fresh = {"status": "pending", "payment_status": "unpaid", "placed_at": None}
    return shop.order(**{"customer_id": customer, "payment_source_id": saved} | fresh | values)
