"""Idempotency: a create that comes again makes nothing again."""

from datetime import timedelta

import pytest

from order_factory.models.tables import Customer, IdempotencyRecord, OrderFactory
from order_factory.models.tables.base import utc_now
from order_factory.models.values.public_ids import Resource, public_id
from tests.support.api_client import MEDIA_TYPE, make_order_id, make_token
from tests.support.at_once import run_together
from tests.support.copying import change
from tests.support.crashes.lost_answers import connect_through_proxy
from tests.support.draining import drain


def create(api, key, email="ada@shop.example", **options):
    data = {"type": "customers", "attributes": {"email": email}}
    headers = {"Content-Type": MEDIA_TYPE, "Idempotency-Key": key}
    return api.send("POST", "customers", json={"data": data}, headers=headers, **options)


def test_the_same_key_with_the_same_body_gets_the_same_answer(api, shop):
    source = make_order_id(shop.order(mode="test"))
    data = {
        "type": "order_copies",
        "relationships": {"source_order": {"data": {"type": "orders", "id": source}}},
    }

    first = api.post("order_copies", data, Idempotency_Key="k")
    drain()
    again = api.post("order_copies", data, Idempotency_Key="k")

    assert again == first
    assert len(shop.rows(OrderFactory)) == 1


def test_the_same_key_with_another_body_is_a_conflict(api, shop):
    first = create(api, "k")
    again = create(api, "k", email="bob@shop.example")

    assert (first.status_code, again.status_code) == (201, 409)
    assert again.json()["errors"][0]["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert len(shop.rows(Customer)) == 1


def test_a_refused_create_does_not_use_up_the_idempotency_key(api, shop):
    assert create(api, "k", email="nobody").status_code == 422
    assert create(api, "k").status_code == 201


def test_keys_belong_to_their_token(api, shop):
    assert create(api, "k").status_code == 201
    other = create(api.with_token(make_token()), "k", email="bob@shop.example")

    assert other.status_code == 201


def test_an_old_idempotency_key_is_deleted(api, shop):
    assert create(api, "k").status_code == 201
    change(IdempotencyRecord, 1, created_at=utc_now() - timedelta(hours=25))

    assert create(api, "k", email="bob@shop.example").status_code == 201
    assert len(shop.rows(IdempotencyRecord)) == 1


def test_concurrent_requests_with_one_key_make_one_copy(api, shop):
    answers = []

    run_together(*[lambda: answers.append(create(api, "k"))] * 8)

    assert {each.status_code for each in answers} == {201}
    assert len({each.json()["data"]["id"] for each in answers}) == 1
    assert len(shop.rows(Customer)) == 1


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_an_invalid_idempotency_key_is_refused(api, shop, key):
    response = create(api, key)

    assert response.status_code == 400
    assert response.json()["errors"][0]["source"] == {"header": "Idempotency-Key"}
    assert shop.rows(Customer) == []


@pytest.fixture
def proxy(shop, monkeypatch):
    with connect_through_proxy(monkeypatch) as proxy:
        yield proxy


@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
def test_a_request_without_a_key_is_carried_out_once_if_its_commit_is_not_answered(
    shop, proxy, api
):
    source = make_order_id(shop.order(mode="test"))
    data = {
        "type": "order_copies",
        "relationships": {"source_order": {"data": {"type": "orders", "id": source}}},
    }

    proxy.lose_next()
    made = api.post("order_copies", data)["data"]["id"]

    assert proxy.has_lost
    assert [public_id(Resource.order_factories, row.id) for row in shop.rows(OrderFactory)] == [
        made
    ]

    proxy.lose_next()
    api.delete(f"order_copies/{made}")

    assert proxy.has_lost
    assert shop.rows(OrderFactory) == []
