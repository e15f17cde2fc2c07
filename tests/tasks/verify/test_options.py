"""Damage to the options of target orders' lines is found."""

import pytest

from order_factory.models.tables import LineItemOption
from tests.support.damage import Damage, make_damage_per_column

_COLUMNS = ", ".join(column.name for column in LineItemOption.__table__.c if column.name != "id")


def _origin(invariant: str, new: str) -> Damage:
    statement = f"UPDATE line_item_options SET copied_from_id = {new} WHERE id = :plain_option"
    return Damage(invariant, statement, "plain_option")


DAMAGES = [
    Damage(
        "options-complete", "DELETE FROM line_item_options WHERE id = :plain_option", "plain_line"
    ),
    _origin("options-from-own-line", "999999"),
    _origin("options-from-own-line", ":plain_option"),
    Damage(
        "options-from-own-line",
        "UPDATE line_item_options SET line_item_id = :guest_line WHERE id = :plain_option",
        "plain_option",
    ),
    _origin("options-have-an-origin", "NULL"),
    Damage(
        "options-copied-once",
        f"INSERT INTO line_item_options (id, {_COLUMNS}) "
        f"SELECT 0, {_COLUMNS} FROM line_item_options WHERE id = :plain_option",
        "plain_option",
        lifts=("line_item_options",),
    ),
    *make_damage_per_column("option-columns", LineItemOption, "plain_option", "line_item_id"),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_verify_finds_it(damage, reports, shown):
    report = reports(damage)

    assert (report.violations, report.examples) == (1, shown(damage))
