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
    """Make this change of these orders in one transaction; returns the problems."""
    with begin() as db:
        ask(db, orders, amount_cents, name)
        CHANGES[change](db, utc_now())
        return read_problems(db)


def ask_gateways() -> list[str]:
    """Send the recorded requests of orders to the gateways; returns the problems."""
    return authorize_payments.fn(Scope(orders=True)).problems


def change_and_ask(change: str, *orders: int, **options: Any) -> list[OrderProblem]:
    """Change these orders, and call the gateways; returns the problems of the change."""
    problems = act(change, *orders, **options)
    assert ask_gateways() == []
    return problems


def make_open_order(shop: Shop, token: str | None = "tok_approve", **values: Any) -> int:
    """Make a pending order that is no copy. Its gateway is `test`, unless one is given."""
    customer = shop.customer()
    card = {"gateway": values.pop("gateway", "test"), "payment_source_token": token}
    saved = shop.payment_source(wallet_of=customer, **card)
    fresh = {"status": "pending", "payment_status": "unpaid", "placed_at": None}
    return shop.order(**{"customer_id": customer, "payment_source_id": saved} | fresh | values)
