"""The stock during copying, paying and cancelling in any order, compared with a model."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from order_factory.models.database.engine import reading
from order_factory.models.tables import Order, OrderFactory, Sku, StockItem
from order_factory.tasks.verify import verify
from tests.support.copying import (
    authorize,
    copy_batch,
    make_batch,
    read_results,
    request_copy,
    target_of,
)
from tests.support.paying import make_payable_order
from tests.support.shop import Shop

pytestmark = pytest.mark.slow

SOME = settings(
    max_examples=6,
    stateful_step_count=8,
    deadline=None,
    suppress_health_check=[*HealthCheck],
)


class StockLife(RuleBasedStateMachine):
    """Orders of one SKU in two places; the model only counts pieces."""

    placed = Bundle("placed")

    def __init__(self, shop: Shop) -> None:
        super().__init__()
        self.shop = shop
        self.waiting: list[tuple[int, list[tuple[int, int, bool]]]] = []
        self.free = 0
        self.reserved = 0
        self.code = ""

    @initialize(here=st.integers(0, 6), there=st.integers(0, 6))
    def stock(self, here, there):
        self.code = f"SKU{len(self.shop.rows(Sku))}"
        sku = self.shop.sku(self.code, stock=here)
        self.shop.add(StockItem, sku_id=sku, stock_location="attic", quantity=there)
        self.free = here + there

    @rule(wants=st.lists(st.tuples(st.integers(1, 4), st.booleans()), min_size=1, max_size=3))
    def copy(self, wants):
        """A batch of orders of so many pieces, each with a card that is good or not."""
        factories = [
            request_copy(self._order(pieces, good), place_target_order=True)
            for pieces, good in wants
        ]
        batch = make_batch(factories)
        copy_batch(batch)
        reserved = []
        for (pieces, good), factory, ended in zip(
            wants, factories, read_results(factories), strict=True
        ):
            fits = pieces <= self.free
            assert (ended.status == "in_progress") == fits
            if fits:
                self.free -= pieces
                self.reserved += pieces
                reserved.append((factory, pieces, good))
        self.waiting.append((batch, reserved))

    @precondition(lambda self: self.waiting)
    @rule(target=placed, data=st.data())
    def pay(self, data):
        batch, reserved = self.waiting.pop(data.draw(st.integers(0, len(self.waiting) - 1)))
        assert authorize(batch) == []
        orders = []
        for factory, pieces, good in reserved:
            self.reserved -= pieces
            if good:
                orders.append((factory, pieces))
            else:
                self.free += pieces
        return orders

    @rule(orders=placed)
    def replace(self, orders):
        """Cancel what was placed, by copies that are not placed themselves."""
        for factory, pieces in orders:
            target = self.shop.row(OrderFactory, id=factory).target_order_id
            if pieces > self.free or self.shop.row(Order, id=target).status != "placed":
                continue
            copy = request_copy(target, cancel_source_order=True)
            batch = make_batch([copy])
            copy_batch(batch)
            authorize(batch)
            assert self.shop.row(Order, id=target).status == "cancelled"
            self.free += pieces

    @invariant()
    def agrees(self):
        if not self.code:
            return
        (sku,) = self.shop.rows(Sku, code=self.code)
        items = self.shop.rows(StockItem, sku_id=sku.id)
        assert sum(item.reserved for item in items) == self.reserved
        assert sum(item.quantity - item.reserved for item in items) == self.free
        assert all(0 <= item.reserved <= item.quantity for item in items)

    def _order(self, pieces, good):
        token = "tok_approve" if good else "tok_decline"
        return make_payable_order(self.shop, token, lines=[(self.code, pieces, 1_00)])


@pytest.mark.usefixtures("ledger")
def test_any_sequence_of_actions_keeps_the_invariants(shop):
    run_state_machine_as_test(lambda: StockLife(shop), settings=SOME)  # type: ignore[arg-type]

    with reading() as db:
        assert [each.name for each in verify(db).invariants if each.violations] == []


def test_a_copy_with_stock_ignore_is_placed_without_reservations(shop):
    shop.sku("MUG", stock=1)
    sources = [shop.order(lines=[("MUG", 2, 0)]) for _ in range(3)]
    factories = [
        request_copy(source, place_target_order=True, stock=policy)
        for source, policy in zip(sources, ("ignore", "take", "ignore"), strict=True)
    ]
    copy_batch(make_batch(factories))

    first, second, third = read_results(factories)

    assert (first.status, third.status) == ("completed", "completed")
    assert second.errors_log == {"line_items": ["SKU MUG: 2 wanted, 1 in stock"]}
    assert shop.row(Order, id=target_of(first)).status == "placed"
    assert (shop.row(StockItem).quantity, shop.row(StockItem).reserved) == (1, 0)
