"""Damage to the lines of target orders is found."""

import pytest

from order_factory.models.tables import LineItem
from tests.support.damage import Damage, make_damage_per_column

_COLUMNS = ", ".join(column.name for column in LineItem.__table__.c if column.name != "id")


def _excuse(statement: str) -> Damage:
    return Damage("lines-complete", statement, "skipped")


def _origin(new: str, line: str = "plain_line") -> Damage:
    statement = f"UPDATE line_items SET copied_from_id = {new} WHERE id = :{line}"
    return Damage("lines-from-own-source", statement, line)


DAMAGES = [
    Damage(
        "lines-added",
        """UPDATE order_factories SET add_lines = '{"HAT": 2}' WHERE id = :plain""",
        "plain",
    ),
    Damage(
        "lines-dropped",
        """UPDATE order_factories SET quantities = '{"MUG": 0}' WHERE id = :plain""",
        "plain_line",
    ),
    Damage(
        "line-columns",
        """UPDATE order_factories SET quantities = '{"MUG": 7}' WHERE id = :plain""",
        "plain_line",
    ),
    Damage("lines-complete", "DELETE FROM line_items WHERE id = :plain_line", "plain"),
    Damage(
        "lines-complete",
        "UPDATE line_items SET order_id = :guest_target WHERE id = :plain_line",
        "plain",
    ),
    _excuse(
        "DELETE FROM copy_errors WHERE order_factory_id = :skipped "
        "AND code = 'sku_not_in_catalogue'"
    ),
    _excuse("UPDATE copy_errors SET line_item_id = NULL WHERE id = :skipped_line_error"),
    _excuse(
        "DELETE FROM copy_errors WHERE order_factory_id = :skipped AND code = 'not_enough_stock'"
    ),
    _excuse(
        "UPDATE copy_errors SET sku_code = 'RARE-ER' "
        "WHERE order_factory_id = :skipped AND code = 'not_enough_stock'"
    ),
    _origin(":guest_origin"),
    _origin(":plain_line"),
    _origin("999999"),
    # In an order that is nobody's target.
    _origin(":guest_origin", line="plain_origin"),
    _origin("999999", line="plain_origin"),
    Damage(
        "lines-have-an-origin",
        "UPDATE line_items SET copied_from_id = NULL WHERE id = :plain_line",
        "plain_line",
    ),
    Damage(
        "lines-copied-once",
        f"INSERT INTO line_items (id, {_COLUMNS}) "
        f"SELECT 0, {_COLUMNS} FROM line_items WHERE id = :plain_line",
        "plain_line",
        lifts=("line_items",),
    ),
    Damage(
        "once-lines-left-out",
        """UPDATE line_items SET metadata = '{"repeat": false}' WHERE id = :plain_origin""",
        "plain_line",
    ),
    Damage(
        "once-lines-left-out",
        """UPDATE line_items SET metadata = '{"repeat": "once"}' WHERE id = :plain_origin""",
        "plain_line",
    ),
    *make_damage_per_column("line-columns", LineItem, "plain_line", "order_id"),
    Damage(
        "line-columns", "UPDATE line_items SET name = 'Mug' WHERE id = :plain_origin", "plain_line"
    ),
    Damage(
        "wrong-lines-left-out",
        "UPDATE copy_errors SET line_item_id = :skipped_origin WHERE id = :skipped_line_error",
        "skipped_line",
    ),
    Damage(
        "wrong-lines-left-out",
        "UPDATE copy_errors SET sku_code = 'MUG' "
        "WHERE order_factory_id = :skipped AND code = 'not_enough_stock'",
        "skipped_line",
    ),
    Damage(
        "quantities-above-zero",
        "UPDATE line_items SET quantity = 0 WHERE id = :plain_line",
        "plain_line",
    ),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_verify_finds_it(damage, reports, shown):
    report = reports(damage)

    assert (report.violations, report.examples) == (1, shown(damage))
