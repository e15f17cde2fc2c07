"""`verify` finds gift cards with a wrong balance, or with less use than an order records."""

import pytest

from tests.support.damage import Damage

DAMAGES = [
    Damage(
        "gift-card-balances",
        "UPDATE gift_cards SET balance_cents = balance_cents - 1 WHERE id = :gift_card",
        "gift_card",
    ),
    Damage(
        "gift-card-balances",
        "UPDATE gift_card_uses SET status = 'released' WHERE id = :gift_card_use",
        "gift_card",
    ),
    Damage(
        "gift-card-uses-fit-orders",
        "UPDATE orders SET status = 'cancelled' WHERE id = :carded_target",
        "gift_card_use",
    ),
    Damage(
        "gift-card-uses-fit-orders",
        "UPDATE gift_card_uses SET status = 'reserved' WHERE id = :gift_card_use",
        "gift_card_use",
    ),
    Damage(
        "gift-cards-pay-what-they-give",
        "UPDATE gift_card_uses SET amount_cents = 1 WHERE id = :gift_card_use",
        "carded_target",
    ),
    Damage(
        "gift-cards-pay-as-before",
        "UPDATE orders SET gift_card_amount_cents = 4100 WHERE id = :carded_target",
        "carded_target",
    ),
    Damage(
        "gift-cards-pay-as-before",
        "UPDATE orders SET gift_card_amount_cents = 0 WHERE id = :carded_target",
        "carded_target",
    ),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_verify_finds_it(damage, reports, shown):
    report = reports(damage)

    assert (report.violations, report.examples) == (1, shown(damage))
