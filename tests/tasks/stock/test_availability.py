"""Stock: which orders of a batch get the pieces of a SKU that is short."""

from collections import Counter
from dataclasses import dataclass
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from order_factory.models.database.engine import begin
from order_factory.models.tables import LineItem, Order, Sku, StockItem
from order_factory.tasks.copying.recipe import STEPS
from tests.support.copying import (
    copy,
    copy_one,
    insert_step,
    make_failing_step,
    request_copy,
    run,
    target_of,
)


def make_message(sku, quantity, left):
    return f"SKU {sku}: {quantity} wanted, {left} in stock"


def test_all_lines_of_a_sku_are_considered_together(shop):
    shop.sku("MUG", stock=4)
    source = shop.order(lines=[("MUG", 2, 1_00), ("CAP", 1, 1_00), ("MUG", 3, 1_00)])

    result = copy_one(source)

    assert result.status == "failed"
    assert result.errors_log == {"line_items": [make_message("MUG", 5, 4)]}
    assert len(shop.rows(Order)) == 1


def test_earlier_factories_come_first(shop):
    shop.sku("MUG", stock=5)
    sources = [shop.order(lines=[("MUG", quantity, 1_00)]) for quantity in (3, 3, 2, 1)]

    results = copy(*sources)

    assert [result.status for result in results] == ["completed", "failed", "completed", "failed"]
    assert results[1].errors_log == {"line_items": [make_message("MUG", 3, 2)]}
    assert results[3].errors_log == {"line_items": [make_message("MUG", 1, 0)]}


def test_earlier_factories_get_the_stock_first(shop):
    shop.sku("MUG", stock=1)
    older, newer = (shop.order(lines=[("MUG", 1, 1_00)]) for _ in range(2))

    results = copy(newer, older)

    assert [result.status for result in results] == ["completed", "failed"]


def test_an_order_that_fails_for_another_reason_takes_no_stock(shop):
    shop.sku("MUG", stock=3)
    shop.sku("CAP", stock=0)
    barred = shop.order(lines=[("MUG", 3, 1_00)], customer_id=shop.customer(status="blocked"))
    lacks_a_cap = shop.order(lines=[("MUG", 3, 1_00), ("CAP", 1, 1_00)])
    valid = shop.order(lines=[("MUG", 3, 1_00)])

    results = copy(barred, lacks_a_cap, valid)

    assert [result.status for result in results] == ["failed", "failed", "completed"]
    assert results[0].errors_log == {"customer": ["the customer is blocked"]}
    assert results[1].errors_log == {"line_items": [make_message("CAP", 1, 0)]}


def test_skip_errors_leaves_out_every_line_of_a_short_sku_and_takes_none_of_it(shop):
    shop.sku("MUG", stock=4)
    short = shop.order(lines=[("MUG", 2, 1_00), ("CAP", 1, 7_00), ("MUG", 3, 1_00)])
    later = shop.order(lines=[("MUG", 4, 1_00)])

    results = copy(short, later, skip_errors=True)

    target = target_of(results[0])
    assert [result.status for result in results] == ["completed", "completed"]
    assert results[0].errors_log == {"line_items": [make_message("MUG", 5, 4)]}
    assert results[1].errors_log is None
    assert shop.row(LineItem, order_id=target).sku_code == "CAP"
    assert shop.row(Order, id=target).total_amount_cents == 7_00


def test_the_stock_of_several_stock_items_is_added_up(shop):
    sku = shop.sku("MUG", stock=2)
    shop.add(StockItem, sku_id=sku, stock_location="attic", quantity=3)

    results = copy(*[shop.order(lines=[("MUG", quantity, 1_00)]) for quantity in (5, 1)])

    assert [result.status for result in results] == ["completed", "failed"]
    assert results[1].errors_log == {"line_items": [make_message("MUG", 1, 0)]}


def test_an_untracked_sku_is_always_in_stock(shop):
    shop.sku("EBOOK", stock=None, do_not_track=True)
    shop.sku("PDF", stock=1, do_not_track=True)

    result = copy_one(shop.order(lines=[("EBOOK", 99, 1_00), ("PDF", 99, 1_00)]))

    assert (result.status, result.errors_log) == ("completed", None)


def test_a_tracked_sku_without_any_stock_item_is_out_of_stock(shop):
    shop.sku("MUG", stock=None)

    result = copy_one(shop.order(lines=[("MUG", 1, 1_00)]))

    assert result.errors_log == {"line_items": [make_message("MUG", 1, 0)]}


def test_stock_of_the_other_mode_does_not_count(shop):
    shop.sku("MUG", stock=0)
    shop.sku("MUG", stock=9, mode="test")

    result = copy_one(shop.order(lines=[("MUG", 1, 1_00)]))

    assert result.errors_log == {"line_items": [make_message("MUG", 1, 0)]}


def test_only_sku_lines_need_stock(shop):
    shop.sku("MUG", stock=1)
    source = shop.order(lines=[("MUG", 1, 1_00)])
    for kind in ("bundles", "gift_cards", "fixed_price_promotions"):
        shop.line(source, item_type=kind, sku_code="MUG", quantity=9)

    assert copy_one(source, place_target_order=False).errors_log is None


@dataclass(frozen=True)
class Wish:
    """What one order wants: (SKU, quantity) per line, by whom and how it is to be copied.

    Copying a cursed one fails with an unexpected exception, also if it is valid.
    """

    lines: list[tuple[str, int]]
    skip_errors: bool
    blocked: bool
    cursed: bool
    place: bool


SKUS = "ABCU"
UNTRACKED, GONE = "U", "G"
quantities = st.integers(min_value=1, max_value=4)
lines = st.tuples(st.sampled_from(SKUS), quantities)
bad_lines = st.sampled_from([(GONE, 1), ("A", 0), ("B", -2)])
wishes = st.builds(
    Wish,
    lines=st.lists(st.one_of(lines, lines, lines, bad_lines), max_size=4),
    skip_errors=st.booleans(),
    blocked=st.sampled_from([False, False, False, True]),
    cursed=st.sampled_from([False] * 7 + [True]),
    place=st.booleans(),
)
stocks = st.fixed_dictionaries({sku: st.lists(st.integers(0, 4), max_size=3) for sku in "ABC"})


def naive(stock, wishes):
    """What must come out, told in plain Python one order after the other.

    Per order whether it is copied, the messages about its lines (sorted), and what its copy
    holds (lines per SKU); then what is left in stock once the placed orders took theirs.
    """
    left = {sku: sum(places) for sku, places in stock.items()}
    shelf = dict(left)
    outcomes = []
    for wish in wishes:
        bad = [line for line in wish.lines if line[0] == GONE or line[1] < 1]
        good = [line for line in wish.lines if line not in bad]
        messages = [
            "SKU G is no longer in the catalogue"
            if sku == GONE
            else f"SKU {sku}: the quantity {quantity} is below 1"
            for sku, quantity in bad
        ]
        if not wish.lines:
            messages.append("the order has no line item")
        wants: Counter[str] = Counter()
        for sku, quantity in good:
            if sku != UNTRACKED:
                wants[sku] += quantity
        short = {sku for sku, quantity in wants.items() if quantity > left[sku]}
        doomed = wish.cursed or (not wish.skip_errors and (messages or wish.blocked))
        messages += [make_message(sku, wants[sku], left[sku]) for sku in short]
        available = [line for line in good if line[0] not in short]
        if wish.lines and not available and wish.skip_errors:
            messages.append("no line item is left to copy")
        if wish.cursed:
            messages.append("could not be copied: unexpected RuntimeError")
        copied = bool(available) and not doomed and (wish.skip_errors or not short)
        if copied:
            for sku in wants.keys() - short:
                left[sku] -= wants[sku]
                shelf[sku] -= wants[sku] if wish.place and not wish.blocked else 0
        outcomes.append((copied, sorted(messages), sorted(available) if copied else None))
    return outcomes, shelf


@given(stock=stocks, wishes=st.lists(wishes, min_size=1, max_size=8))
@settings(
    max_examples=20,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_batch_gives_the_same_result_as_one_order_after_the_other(shop, stock, wishes):
    town = furnish(shop, stock)
    orders = town.orders(wishes)
    factories = [
        request_copy(order, skip_errors=wish.skip_errors, place_target_order=wish.place)
        for order, wish in zip(orders, wishes, strict=True)
    ]
    cursed = [order for order, wish in zip(orders, wishes, strict=True) if wish.cursed]

    with insert_step(make_failing_step(*cursed), at=len(STEPS)):
        results = run(*factories)

    outcomes = []
    for result in results:
        target = target_of(result) if result.target_order else None
        messages = [town.plain(words) for words in (result.errors_log or {}).get("line_items", [])]
        copied = [
            (town.plain(r.sku_code), r.quantity) for r in shop.rows(LineItem, order_id=target)
        ]
        outcomes.append((target is not None, sorted(messages), sorted(copied) if target else None))
    assert (outcomes, town.shelf()) == naive(stock, wishes)


_towns = count(1)


class Town:
    """A catalogue of its own for one example: its codes bear a number that nobody else's do."""

    def __init__(self, shop):
        self.shop, self.tail, self.skus = shop, f"#{next(_towns)}", {}
        self.good, self.blocked = shop.customer(), shop.customer(status="blocked")
        self.address = shop.address()

    def plain(self, text):
        return text.replace(self.tail, "")

    def shelf(self):
        """What the stock locations hold of each tracked SKU together."""
        return {
            sku: sum(place.quantity for place in self.shop.rows(StockItem, sku_id=key))
            for sku, key in self.skus.items()
            if sku != UNTRACKED
        }

    def orders(self, wishes):
        """One free order per wish, all written in one transaction; their keys."""
        with begin() as db:
            return [self._order(db, wish) for wish in wishes]

    def _order(self, db, wish):
        order = insert(Order).values(
            status="pending",
            customer_id=self.blocked if wish.blocked else self.good,
            customer_email="buyer@shop.example",
            currency_code="EUR",
            billing_address_id=self.address,
            shipping_address_id=self.address,
        )
        order_id = db.execute(order.returning(Order.id)).scalar_one()
        for sku, quantity in wish.lines:
            line = {"sku_code": sku + self.tail, "quantity": quantity, "total_amount_cents": 0}
            db.execute(insert(LineItem).values(order_id=order_id, **line))
        return order_id


def furnish(shop, stock):
    town = Town(shop)
    with begin() as db:
        for sku in SKUS:
            values = {"code": sku + town.tail, "name": sku, "do_not_track": sku == UNTRACKED}
            key = db.execute(insert(Sku).values(values).returning(Sku.id)).scalar_one()
            town.skus[sku] = key
            for nth, quantity in enumerate(stock.get(sku, [])):
                place = {"sku_id": key, "stock_location": f"{nth}", "quantity": quantity}
                db.execute(insert(StockItem).values(place))
    return town
