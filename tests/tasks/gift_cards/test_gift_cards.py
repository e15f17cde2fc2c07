"""Gift cards: they pay their balance, and never the same cent twice."""

import random
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from order_factory.models.database.engine import begin
from order_factory.models.tables import (
    CustomerPaymentSource,
    GiftCard,
    GiftCardUse,
    LineItem,
    Order,
    OrderSubscription,
    PaymentSource,
)
from order_factory.models.tables.base import utc_now
from order_factory.tasks.subscriptions.templates import rebuild_template
from tests.support.at_once import run_together
from tests.support.copying import (
    authorize,
    change,
    copy,
    copy_batch,
    copy_one,
    make_batch,
    read_results,
    request_copy,
    run,
    target_of,
)
from tests.support.paying import make_payable_order, place
from tests.support.subscriptions import run_due, subscribe

CODE = "GIFT-2026-ABCD"
FEBRUARY = datetime(2026, 2, 28, 9, tzinfo=UTC)
DAY = timedelta(days=1)


pytestmark = pytest.mark.usefixtures("verified")


def bought_with_card(shop, code=CODE, cents=40_00, **values):
    """An order of 50 euros, of which a gift card paid a part."""
    order = make_payable_order(shop, lines=[("MUG", 1, 50_00)], **values)
    shop.redeem(order, code, cents)
    return order


def read_amount_to_pay(shop, result):
    return shop.row(Order, id=target_of(result)).total_amount_with_taxes_cents


def balance(shop, **of):
    return shop.row(GiftCard, **of).balance_cents


def test_three_placed_copies_take_what_is_left(shop, ledger):
    shop.gift_card(CODE, 60_00)
    source = bought_with_card(shop, code=f" {CODE.lower()} ")

    ended = [place(source)[0] for _ in range(3)]

    assert [result.status for result in ended] == ["completed"] * 3
    assert [read_amount_to_pay(shop, result) for result in ended] == [10_00, 30_00, 50_00]
    assert ledger.charges() == [("authorize", cents) for cents in (10_00, 30_00, 50_00)]
    assert [result.errors_log for result in ended] == [
        None,
        {
            "gift_card_code": [
                "gift card ending in abcd pays 20.00 EUR of 40.00 EUR; 20.00 EUR more is to be paid"
            ]
        },
        {
            "gift_card_code": [
                "gift card ending in abcd has nothing left; 40.00 EUR more is to be paid"
            ]
        },
    ]
    assert (balance(shop), shop.row(GiftCard).status) == (0, "redeemed")
    assert [(use.amount_cents, use.status) for use in shop.rows(GiftCardUse)] == [
        (40_00, "taken"),
        (20_00, "taken"),
    ]
    lines = [
        [
            (line.total_amount_cents, line.name)
            for line in shop.rows(LineItem, order_id=target_of(result), item_type="gift_cards")
        ]
        for result in ended
    ]
    assert lines == [[(-40_00, "Gift card")], [(-20_00, "Gift card")], []]
    assert [shop.row(Order, id=target_of(result)).gift_card_code for result in ended[1:]] == [
        f" {CODE.lower()} ",
        None,
    ]


def test_copies_of_one_batch_share_a_card_in_their_order(shop, ledger):
    shop.gift_card(CODE, 90_00)
    orders = [bought_with_card(shop) for _ in range(2)]
    broken = bought_with_card(shop, billing_address_id=None)

    ended = place(orders[0], broken, orders[1], orders[0])

    assert [result.status for result in ended] == ["completed", "failed", "completed", "completed"]
    assert [read_amount_to_pay(shop, ended[nth]) for nth in (0, 2, 3)] == [10_00, 10_00, 40_00]
    assert balance(shop) == 0


def test_a_copy_that_is_not_placed_uses_no_gift_card(shop):
    shop.gift_card(CODE, 30_00)

    first, again = copy_one(bought_with_card(shop)), copy_one(bought_with_card(shop))

    for result in (first, again):
        assert read_amount_to_pay(shop, result) == 20_00
        assert "pays 30.00 EUR of 40.00 EUR" in result.errors_log["gift_card_code"][0]
    assert (balance(shop), shop.rows(GiftCardUse)) == (30_00, [])
    # A copy of a copy pays with the same card.
    assert read_amount_to_pay(shop, copy_one(target_of(first), place_target_order=True)) == 20_00
    assert balance(shop) == 0


@pytest.mark.parametrize(
    ("card", "words"),
    [
        (None, "gift card ending in ABCD is not known in this shop and pays nothing"),
        ({"currency_code": "USD"}, "gift card ending in ABCD is in USD and pays nothing"),
        ({"status": "inactive"}, "gift card ending in ABCD is inactive and pays nothing"),
        (
            {"expires_at": datetime(2026, 1, 2, tzinfo=UTC)},
            "gift card ending in ABCD expired on 2026-01-02 and pays nothing",
        ),
        ({"mode": "test"}, "gift card ending in ABCD is not known in this shop and pays nothing"),
    ],
)
def test_an_unusable_gift_card_pays_nothing(shop, ledger, card, words):
    if card is not None:
        shop.gift_card(CODE, 90_00, **card)

    (result,) = place(bought_with_card(shop))

    expected_log = {"gift_card_code": [f"{words}; 40.00 EUR more is to be paid"]}
    assert (result.status, result.errors_log, read_amount_to_pay(shop, result)) == (
        "completed",
        expected_log,
        50_00,
    )


def test_a_missing_or_short_code_is_not_shown(shop):
    nameless, short = bought_with_card(shop, code=None), bought_with_card(shop, code="ABC-123")

    ended = copy(nameless, short)

    owed = "; 40.00 EUR more is to be paid"
    assert [result.errors_log["gift_card_code"] for result in ended] == [
        [f"the source order has no gift_card_code, so no gift card pays{owed}"],
        [f"the gift card is not known in this shop and pays nothing{owed}"],
    ]


def test_a_dropped_payment_calls_no_gateway(shop):
    shop.gift_card(CODE, 90_00)

    result = copy_one(bought_with_card(shop), gift_cards="drop", place_target_order=True)

    messages = ["gift card ending in ABCD is not used for the copy; 40.00 EUR more is to be paid"]
    assert result.errors_log == {"gift_card_code": messages}
    assert (read_amount_to_pay(shop, result), balance(shop)) == (50_00, 90_00)


def test_a_copy_fails_on_request_if_its_gift_card_has_too_little(shop, ledger):
    shop.gift_card(CODE, 90_00)
    large = [bought_with_card(shop) for _ in range(3)]
    small = bought_with_card(shop, cents=5_00)

    ended = place(*large, small, gift_cards="fail")
    skipped = copy_one(large[0], gift_cards="fail", skip_errors=True)

    messages = [
        "gift card ending in ABCD pays 10.00 EUR of 40.00 EUR; 30.00 EUR more is to be paid"
    ]
    assert [result.status for result in ended] == ["completed", "completed", "failed", "completed"]
    assert ended[2].errors_log == {"gift_card_code": messages}
    assert ended[2].target_order is None
    assert balance(shop) == 5_00
    assert (skipped.status, read_amount_to_pay(shop, skipped)) == ("completed", 45_00)


def test_a_single_use_gift_card_pays_once(shop):
    shop.gift_card(CODE, 90_00, single_use=True)
    source = bought_with_card(shop)

    first, second = copy(source, source, place_target_order=True)

    assert (read_amount_to_pay(shop, first), read_amount_to_pay(shop, second)) == (10_00, 50_00)
    assert second.errors_log["gift_card_code"][0].startswith(
        "gift card ending in ABCD is for a single use and pays nothing"
    )
    assert (balance(shop), shop.row(GiftCard).status) == (50_00, "redeemed")


def test_an_order_paid_by_gift_card_needs_no_payment_source(shop):
    shop.gift_card(CODE, 50_00)
    source = bought_with_card(shop, cents=50_00, token=None)
    change(
        PaymentSource,
        shop.row(Order, id=source).payment_source_id,
        expires_at=utc_now() - DAY,
    )

    first, second = (place(source)[0] for _ in range(2))

    placed = shop.row(Order, id=target_of(first))
    assert (placed.status, placed.payment_status) == ("placed", "free")
    assert {*second.errors_log} >= {"payment_source"}
    assert balance(shop) == 0


def test_a_gift_card_pays_at_most_the_total(shop, ledger):
    shop.gift_card(CODE, 90_00)
    shop.price("MUG", 15_00)
    source = bought_with_card(shop)

    (result,) = place(source, refresh_prices=True)

    assert (read_amount_to_pay(shop, result), balance(shop)) == (0, 75_00)
    assert shop.row(Order, id=target_of(result)).gift_card_amount_cents == 15_00


def test_a_sold_gift_card_is_an_ordinary_line(shop):
    shop.gift_card(CODE, 90_00)
    order = make_payable_order(shop, gateway=None)
    shop.line(order, item_type="gift_cards", unit_amount_cents=25_00)

    result = copy_one(order, place_target_order=True)

    assert (result.errors_log, read_amount_to_pay(shop, result), balance(shop)) == (
        None,
        37_50,
        90_00,
    )


def test_a_declined_payment_returns_the_amount_to_the_gift_card(shop, ledger):
    shop.gift_card(CODE, 40_00)
    source = bought_with_card(shop, token="tok_decline")
    during = []

    (declined,) = place(source, before=lambda: during.append(balance(shop)))

    assert during == [0]
    assert declined.status == "failed"
    assert (balance(shop), shop.row(GiftCard).status) == (40_00, "active")
    assert shop.row(GiftCardUse).status == "released"


def test_a_cancelled_order_returns_its_stock(shop, ledger):
    shop.gift_card(CODE, 40_00)
    (first,) = place(bought_with_card(shop))
    assert balance(shop) == 0

    (second,) = place(target_of(first), cancel_source_order=True)

    # The card is taken up by the first until that is cancelled.
    assert read_amount_to_pay(shop, second) == 50_00
    assert shop.row(Order, id=target_of(first)).status == "cancelled"
    assert (balance(shop), shop.row(GiftCard).status) == (40_00, "active")


def test_a_cancelled_imported_order_returns_its_quantities(shop):
    shop.gift_card(
        CODE, 0, initial_balance_cents=40_00, other_changes_cents=-40_00, status="redeemed"
    )
    source = bought_with_card(shop, payment_status="unpaid")

    (result,) = copy(source, cancel_source_order=True)

    assert result.status == "completed"
    card = shop.row(GiftCard)
    assert (card.balance_cents, card.other_changes_cents, card.status) == (40_00, 0, "active")


def test_a_retried_renewal_uses_the_current_balance_of_the_gift_card(shop, ledger):
    shop.gift_card(CODE, 40_00)
    first = bought_with_card(shop, token="tok_decline_insufficient_funds")
    subscribe(shop, first, retry_after="1d 1d 1d")
    run_due(FEBRUARY)
    assert balance(shop) == 40_00

    change(GiftCard, shop.row(GiftCard).id, balance_cents=15_00, other_changes_cents=-25_00)
    run_due(FEBRUARY + DAY)
    (order,) = shop.rows(Order, status="pending")
    assert order.total_amount_with_taxes_cents == 35_00

    place(bought_with_card(shop))  # takes the rest
    source = shop.row(Order, id=first)
    change(PaymentSource, source.payment_source_id, payment_source_token="tok_approve")
    run_due(FEBRUARY + 2 * DAY)

    renewed = shop.row(Order, id=order.id)
    assert (renewed.status, renewed.total_amount_with_taxes_cents) == ("placed", 50_00)
    assert ledger.charges() == [("authorize", 35_00), ("authorize", 50_00)]
    assert balance(shop) == 0


def test_a_template_keeps_its_own_payment_source(shop, ledger):
    shop.gift_card(CODE, 40_00)
    source = bought_with_card(shop)
    key = subscribe(shop, source)
    customer = shop.row(Order, id=source).customer_id
    shop.payment_source(wallet_of=customer, gateway="test", payment_source_token="tok_approve_2")
    change(
        OrderSubscription, key, customer_payment_source_id=shop.rows(CustomerPaymentSource)[-1].id
    )
    with begin() as db:
        rebuild_template(db, key, FEBRUARY - DAY)

    run_due(FEBRUARY)

    assert ledger.charges() == [("authorize", 10_00)]
    assert balance(shop) == 0


def test_concurrent_orders_never_spend_a_cent_of_a_gift_card_twice(shop, ledger):
    shop.gift_card(CODE, 100_00)
    shop.sku("MUG", stock=100)
    sources = [
        bought_with_card(shop, token=["tok_approve", "tok_decline"][nth % 4 == 3])
        for nth in range(12)
    ]
    factories = [request_copy(source, place_target_order=True) for source in sources]
    batches = [make_batch([factory]) for factory in factories]

    def copy_and_pay(batch):
        copy_batch(batch)
        authorize(batch)

    run_together(*[partial(copy_and_pay, batch) for batch in batches])

    ended = read_results(factories)
    taken_cents = sum(use.amount_cents for use in shop.rows(GiftCardUse, status="taken"))
    assert sorted(result.status for result in ended) == ["completed"] * 9 + ["failed"] * 3
    assert balance(shop) == 100_00 - taken_cents
    charged = sum(cents for _, cents in ledger.charges())
    assert charged == 9 * 50_00 - taken_cents


def test_gift_cards_match_a_model(shop):
    """Random batches of copies with a few cards, against a plain model in Python."""
    chance = random.Random(20_260_117)
    codes = {"CARD-AAAA": 70_00, "CARD-BBBB": 25_00, "CARD-CCCC": 0}
    for code, cents in codes.items():
        shop.gift_card(code, cents)
    left, orders = dict(codes), []
    for _ in range(8):
        code = chance.choice([*codes, "CARD-XXXX"])
        cents = chance.choice([5_00, 20_00, 50_00])
        order = shop.order(lines=[("MUG", 1, 50_00)])
        customer = shop.row(Order, id=order).customer_id
        shop.change_order(order, payment_source_id=shop.payment_source(wallet_of=customer))
        shop.redeem(order, code, cents)
        orders.append((order, code, cents))

    for _ in range(6):
        factories = [
            (
                *chance.choice(orders),
                chance.choice(["reuse", "drop", "fail"]),
                chance.random() < 0.7,
            )
            for _ in range(chance.randrange(1, 6))
        ]
        ended = run(
            *[
                request_copy(order, gift_cards=policy, place_target_order=placed)
                for order, _, _, policy, placed in factories
            ]
        )

        for result, (_, code, cents, policy, placed) in zip(ended, factories, strict=True):
            paid = 0 if policy == "drop" else min(cents, left.get(code, 0))
            if policy == "fail" and paid < cents:
                assert result.status == "failed", factories
                continue
            assert read_amount_to_pay(shop, result) == 50_00 - paid, factories
            if placed and code in left:
                left[code] -= paid

    assert {row.code: row.balance_cents for row in shop.rows(GiftCard)} == left
