"""Order factories: recorded as asked for, found again, read back whole."""

import pytest

from order_factory.models.database.engine import begin, reading
from order_factory.models.errors import FactoryNotFound
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.tables import Event, OrderFactory
from order_factory.models.values.copy_options import OPTIONS, ORDER_CHANGES
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.tasks.factories.records import create_factory, read_factory, require_factory
from tests.support.copying import copy_one, read_results, request_copy


def test_a_factory_is_recorded_with_its_options(shop):
    source = shop.order(mode="test", customer_id=shop.customer(mode="test"))

    factory = request_copy(
        source,
        place_target_order=True,
        reuse_wallet=False,
        skip_errors=True,
        cancel_source_order=True,
        apply_promotions=True,
        ignore_invalid_coupon=True,
        refresh_prices=True,
        stock="ignore",
        gift_cards="fail",
        payment_source_fallback="off",
        keep_metadata="none",
        keep_references="all",
        repeat_skus="GIFT=once",
        any_source_status=True,
        quantities={"MUG": 3},
        reference="A-1",
        reference_origin="support",
        metadata={"why": ["damaged", 1]},
    )

    (result,) = read_results([factory])
    assert result.model_dump(exclude={"created_at", "updated_at"}) == {
        "id": public_id(Resource.order_factories, factory),
        "type": "order_copies",
        "mode": "test",
        "status": "pending",
        "source_order": {
            "id": public_id(Resource.orders, source),
            "number": shop.number_of(source),
            "status": "placed",
        },
        "target_order": None,
        "started_at": None,
        "completed_at": None,
        "failed_at": None,
        "errors_log": None,
        "errors_count": 0,
        "place_target_order": True,
        "reuse_wallet": False,
        "skip_errors": True,
        "cancel_source_order": True,
        "apply_promotions": True,
        "ignore_invalid_coupon": True,
        "refresh_prices": True,
        "stock": "ignore",
        "gift_cards": "fail",
        "payment_source_fallback": "off",
        "keep_metadata": "none",
        "keep_references": "all",
        "repeat_skus": "GIFT=once",
        "any_source_status": True,
        "quantities": {"MUG": 3},
        "swap_skus": None,
        "add_lines": None,
        **dict.fromkeys(ORDER_CHANGES),
        "reference": "A-1",
        "reference_origin": "support",
        "metadata": {"why": ["damaged", 1]},
        "batch_reference": None,
        "flow_run_id": None,
        "made_before": False,
    }
    assert result.created_at == result.updated_at
    assert [event.name for event in shop.rows(Event)] == ["order_factories.create"]


def test_omitted_options_have_the_defaults_of_the_reference(shop):
    (result,) = read_results([request_copy(shop.order())])

    assert {name: getattr(result, name) for name in OPTIONS} == dict.fromkeys(OPTIONS, False) | {
        "reuse_wallet": True,
        "stock": "take",
        "gift_cards": "reuse",
        "payment_source_fallback": "default",
        "keep_metadata": "default",
        "keep_references": "default",
        "repeat_skus": "default",
    }
    assert (result.reference, result.reference_origin, result.metadata) == (None, None, None)


def test_a_request_under_the_same_idempotency_key_makes_one_factory(shop):
    source = shop.order()

    with begin() as db:
        first = create_factory(db, source, CopyOptions(), "key")
    with begin() as db:
        again = create_factory(db, source, CopyOptions(), "key")
        other = create_factory(db, source, CopyOptions(), "other key")

    assert (first == again, first == other) == (True, False)
    assert len(shop.rows(OrderFactory)) == len(shop.rows(Event)) == 2


def test_a_factory_is_found_by_its_public_id(shop):
    factory = request_copy(shop.order())

    with reading() as db:
        assert require_factory(db, public_id(Resource.order_factories, factory)) == factory


@pytest.mark.parametrize("wrong", ["", "1", "no such id", "ünïcode", "x" * 1000])
def test_an_unknown_factory_id_is_not_found(shop, wrong):
    with pytest.raises(FactoryNotFound), reading() as db:
        require_factory(db, wrong)


def test_another_resources_id_is_no_factorys_id(shop):
    factory = request_copy(shop.order())

    with reading() as db:
        for key, resource in [(factory, Resource.orders), (factory + 1, Resource.order_factories)]:
            with pytest.raises(FactoryNotFound):
                require_factory(db, public_id(resource, key))
        with pytest.raises(FactoryNotFound):
            read_factory(db, factory + 1)


def test_the_errors_are_in_the_order_of_their_fields(shop):
    order = shop.order(billing_address_id=None, lines=[("GONE", 0, 1_00)], catalogued=False)

    copy = copy_one(order, place_target_order=True)

    assert list(copy.errors_log or {}) == ["billing_address", "line_items"]
