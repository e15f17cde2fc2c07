"""Finding a source order by its number or its public id."""

import pytest

from order_factory.models.database.engine import reading
from order_factory.models.errors import SourceOrderAmbiguous, SourceOrderNotFound
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.models.values.statuses import Mode
from order_factory.tasks.factories.source_orders import require_order


def test_an_order_is_found_by_number_and_by_public_id(shop):
    order = shop.order(number="A-1001")
    shop.order()

    with reading() as db:
        names = ("A-1001", public_id(Resource.orders, order), "A-1001 ", "\u00a0A-1001\u200b")
        keys = [require_order(db, name) for name in names]

    assert keys == [order] * len(names)


@pytest.mark.parametrize("name", ["", "0", "a-1001", "%", "ünïcode", "x" * 100_000])
def test_an_unknown_order_is_not_found(shop, name):
    order = shop.order(number="A-1001")

    with reading() as db:
        with pytest.raises(SourceOrderNotFound):
            require_order(db, name)
        with pytest.raises(SourceOrderNotFound):
            require_order(db, public_id(Resource.orders, order + 1))
        with pytest.raises(SourceOrderNotFound):
            require_order(db, public_id(Resource.customers, order))


def test_a_number_finds_the_order_of_its_mode(shop):
    live = shop.order(number="7", mode="live")
    test = shop.order(number="7", mode="test", customer_id=shop.customer(mode="test"))
    ids = [public_id(Resource.orders, order) for order in (live, test)]

    with reading() as db:
        assert [require_order(db, "7", mode) for mode in Mode] == [test, live]
        assert require_order(db, "7") == live
        assert [require_order(db, name) for name in ids] == [live, test]
        assert require_order(db, ids[1], Mode.TEST) == test
        with pytest.raises(SourceOrderNotFound, match="No test order has"):
            require_order(db, ids[0], Mode.TEST)


def test_a_number_that_is_another_order_s_id_is_ambiguous(shop):
    first = shop.order()
    name = public_id(Resource.orders, first)
    second = shop.order(number=name)

    with reading() as db, pytest.raises(SourceOrderAmbiguous, match="give the id instead"):
        require_order(db, name)

    assert second != first


def test_an_unknown_order_is_named_with_the_mode_or_the_number_that_may_be_meant(shop):
    test = shop.order(number="7", mode="test", customer_id=shop.customer(mode="test"))
    live = public_id(Resource.orders, shop.order(number="00123"))
    shop.order(number="00456", mode="test", customer_id=shop.customer(mode="test"))
    hints = [
        ("7", Mode.LIVE, "there is a test order: use --mode test"),
        ("00123", Mode.TEST, "there is a live order: use --mode live"),
        (live, Mode.TEST, "there is a live order: use --mode live"),
        ("123", Mode.LIVE, "did you mean '00123'?"),
        ("123.0", Mode.LIVE, "did you mean '00123'?"),
        ("456", Mode.LIVE, "`order-factory orders` lists them."),
    ]

    with reading() as db:
        assert require_order(db, public_id(Resource.orders, test)) == test
        for name, mode, hint in hints:
            with pytest.raises(SourceOrderNotFound) as raised:
                require_order(db, name, mode)
            assert str(raised.value) == f"No {mode} order has the id or number {name!r}; {hint}"
