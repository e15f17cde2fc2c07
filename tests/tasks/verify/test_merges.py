"""`verify` finds damage to lines that were merged into an open order."""

import pytest

from tests.support.damage import Damage

_INTO = "UPDATE order_factories SET merged_order_id = {} WHERE id = :plain"

DAMAGES = [
    Damage("merged-or-copied", _INTO.format(":plain_source"), "plain"),
    Damage(
        "merged-or-copied",
        "UPDATE order_factories SET merge_into = '=1001' WHERE id = :plain",
        "plain",
    ),
    Damage("merged-goods-complete", _INTO.format(":plain_source"), "plain"),
    Damage(
        "merged-into-fitting-order",
        _INTO.format("target_order_id")
        + "; UPDATE orders SET currency_code = 'USD' WHERE id = :plain_target",
        "plain",
    ),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_it_is_found(damage, reports, shown):
    report = reports(damage)

    assert (report.violations, report.examples) == (1, shown(damage))
