"""A source order that is edited while it is copied, which only PostgreSQL allows."""

import pytest
from sqlalchemy import update

from order_factory.models.database.engine import get_engine
from order_factory.models.errors import TryAgain
from order_factory.models.tables import LineItem, Order, OrderFactory
from order_factory.tasks.copying.recipe import STEPS
from tests.support.copying import copy_one

pytestmark = pytest.mark.parametrize("shop", ["postgres"], indirect=True)


def _edit_before_the_lines_are_copied(monkeypatch, line_item_id, **values):
    """Another session changes the line, and commits, between the checks and the copying."""

    def edit(_db, _batch):
        with get_engine().connect() as other, other.begin():
            other.execute(update(LineItem).where(LineItem.id == line_item_id).values(**values))
        return 0

    STEPS.insert(1, edit)


@pytest.mark.parametrize(
    "change",
    [
        {"total_amount_cents": 1},
        {"quantity": 0},
        {"item_type": "adjustments"},
        {"tax_amount_cents": 7},
    ],
)
def test_an_edited_line_rolls_the_copy_back_to_be_run_again(shop, monkeypatch, change):
    source = shop.order(lines=[("MUG", 2, 10_00)])
    _edit_before_the_lines_are_copied(monkeypatch, shop.row(LineItem).id, **change)

    with pytest.raises(TryAgain, match="a source order was changed during the copy"):
        copy_one(source)

    assert shop.row(OrderFactory).status == "pending"
    assert len(shop.rows(Order)) == 1


def test_an_edit_of_another_order_does_not_affect_the_copy(shop, monkeypatch):
    elsewhere = shop.order()
    unrelated = shop.row(LineItem).id
    source = shop.order()
    _edit_before_the_lines_are_copied(monkeypatch, unrelated, total_amount_cents=1)

    result = copy_one(source)

    assert result.status == "completed"
    assert elsewhere != source


def test_unshipped_goods_do_not_count_as_a_concurrent_edit(shop):
    shop.sku("VOUCHER", do_not_ship=True)
    source = shop.order(lines=[("VOUCHER", 1, 10_00), ("MUG", 1, 5_00)])

    assert copy_one(source).status == "completed"
