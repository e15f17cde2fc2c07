"""Uses that are counted wrongly are found, in both directions."""

import pytest

from tests.support.damage import Damage

DAMAGES = [
    Damage(
        "coupon-uses-counted",
        f"UPDATE coupons SET usage_count = usage_count {change} WHERE id = :tenth",
        "tenth",
    )
    for change in ("+ 1", "- 1")
] + [
    Damage(
        "promotion-uses-counted",
        f"UPDATE promotions SET total_usage_count = total_usage_count {change} "
        "WHERE id = :tenth_promotion",
        "tenth_promotion",
    )
    for change in ("+ 1", "- 1")
]


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_verify_finds_it(damage, reports, shown):
    report = reports(damage)

    assert report.violations == 1
    assert report.examples == shown(damage)


@pytest.mark.parametrize(
    "statement",
    [
        # Of uses before they were counted apart, nobody knows how many there were.
        "UPDATE coupons SET usage_count = usage_count + 7, other_uses = NULL WHERE id = :tenth",
        "UPDATE coupons SET usage_count = usage_count + 7, other_uses = 7 WHERE id = :tenth",
        # A shop has changed the order since.
        "UPDATE orders SET coupon_code_key = NULL, updated_at = :later WHERE id = :promoted_target",
    ],
)
def test_unknown_uses_are_not_reported(mixed, reports, statement):
    assert reports(Damage("coupon-uses-counted", statement, "tenth")).violations == 0
