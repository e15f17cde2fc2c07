"""Access: tokens, the two modes, rate limits, and errors without internals."""

import json
import logging
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import text

from order_factory.api.admission import Admission, Credentials
from order_factory.api.errors import ApiError
from order_factory.api.resources.registry import RESOURCES
from order_factory.api.settings import api_settings
from order_factory.api.tokens import extract_handle, revoke_token
from order_factory.models.database.engine import begin
from order_factory.models.tables import (
    Address,
    ApiToken,
    Coupon,
    Customer,
    CustomerPaymentSource,
    Export,
    Import,
    LineItem,
    Order,
    OrderFactory,
    OrderFactoryBatch,
    OrderSubscription,
    OrderSubscriptionItem,
    PaymentMethod,
    Promotion,
    StockItem,
    Transaction,
    Webhook,
)
from order_factory.models.tables.base import utc_now
from order_factory.models.tables.transactions import TransactionType
from order_factory.models.values.public_ids import public_id
from order_factory.tasks.webhooks.outbox import Outbox
from tests.support.api_client import MEDIA_TYPE, Api, make_linkage, make_order_id, make_token
from tests.support.copying import change, make_batch, request_copy
from tests.support.draining import drain
from tests.support.shop import SOME_DAY


def test_requests_without_a_token_are_refused(api):
    wrong = [None, "", "Bearer", "Bearer wrong", "Basic eDp5", "Bearer a.b.c", "Bearer é"]
    for path in ("orders", "order_copies/x", "martians", "openapi.json", "docs"):
        for authorization in wrong:
            headers = {} if authorization is None else {"Authorization": authorization.encode()}

            response = api.client.get(f"/api/{path}", headers=headers)

            assert response.status_code == 401, (path, authorization)
            assert response.json()["errors"][0]["code"] == "INVALID_TOKEN"
            assert "www-authenticate" in response.headers


def test_health_needs_no_token(api):
    for path in ("/health", "/ready", "/api/health", "/api/ready"):
        assert api.client.get(path).status_code == 200


def test_a_look_up_of_a_token_serves_only_requests_that_had_arrived_before_it(shop):
    known = make_token()
    admission, header = Admission(), f"Bearer {known}"
    first, waiting = (Credentials(header, "127.0.0.1") for _ in range(2))
    with begin() as db:
        admission.admit(db, first)
        revoke_token(db, extract_handle(known))
        later = Credentials(header, "127.0.0.1")

        caller, _ = admission.admit(db, waiting)

        assert caller.name == f"token:{extract_handle(known)}"
        with pytest.raises(ApiError, match="invalid, expired or revoked"):
            admission.admit(db, later)


def test_a_token_ends_when_it_expires_or_is_revoked(api, shop):
    expired = api.with_token(make_token(expires_at=utc_now() - timedelta(seconds=1)))
    lasting = api.with_token(make_token(expires_at=utc_now() + timedelta(hours=1)))
    expired.get("orders", expect=401)
    lasting.get("orders")

    with begin() as db:
        revoke_token(db, lasting.token.split("_")[1])

    lasting.get("orders", expect=401)


def test_only_the_digest_of_a_token_is_stored(api, shop):
    (row,) = shop.rows(ApiToken)

    assert not any(api.token.split("_", 2)[2] in str(value) for value in row)


def test_the_wrong_secret_of_a_known_handle_is_refused(api):
    api.with_token(api.token[:-1] + ("A" if api.token[-1] != "A" else "B")).get(
        "orders", expect=401
    )


def test_a_read_only_token_cannot_write(api, shop):
    reader = api.with_token(make_token("test", "read"))
    name = make_order_id(shop.order(mode="test"))

    reader.get("orders")
    for method, path in (
        ("POST", "customers"),
        ("PATCH", f"orders/{name}"),
        ("DELETE", "order_copies/x"),
    ):
        response = reader.send(method, path, content=b"{}", headers={"Content-Type": MEDIA_TYPE})
        assert response.status_code == 401
        assert response.json()["errors"][0]["code"] == "UNAUTHORIZED"


def fill(shop, mode):
    """At least one row of every resource in this mode; the key of an order."""
    customer = shop.customer(mode=mode)
    shop.payment_source(wallet_of=customer, mode=mode)
    change(CustomerPaymentSource, len(shop.rows(CustomerPaymentSource)), mode=mode)
    key = shop.order(mode=mode, customer_id=customer, coupon_code=f"only-{mode}")
    change(Address, shop.row(Order, id=key).billing_address_id, mode=mode)
    shop.option(shop.rows(LineItem, order_id=key)[0].id)
    factories = [request_copy(key) for _ in range(3)]
    change(OrderFactory, factories[1], type="recurring_order_copies")
    change(OrderFactoryBatch, make_batch(factories[2:]), mode=mode, drained_by_service=True)
    subscription = shop.add(
        OrderSubscription,
        mode=mode,
        number=f"S-{mode}",
        frequency="monthly",
        source_order_id=key,
        customer_id=customer,
        starts_at=SOME_DAY,
    )
    shop.add(
        OrderSubscriptionItem,
        order_subscription_id=subscription,
        sku_code="MUG",
        quantity=1,
        currency_code="EUR",
        unit_amount_cents=12_50,
        total_amount_cents=12_50,
    )
    code = f"only-{mode}"
    sku = shop.sku(code, stock=None, mode=mode)
    shop.add(StockItem, sku_id=sku, stock_location="main", quantity=1, mode=mode)
    shop.price(code, 12_50, mode=mode)
    shop.gift_card(code, 10_00, mode=mode)
    shop.add(
        Webhook,
        mode=mode,
        topic="order_copies.create",
        callback_url="https://shop.example/hooks",
        shared_secret="0" * 64,
    )
    for type_ in TransactionType:
        shop.add(
            Transaction,
            type=type_,
            status="failed",
            order_id=key,
            order_factory_id=factories[0],
            gateway="test",
            amount_cents=12_50,
            currency_code="EUR",
            idempotency_key=f"{mode}-{type_}",
            mode=mode,
        )
    shop.add(PaymentMethod, payment_source_type="wire_transfers", mode=mode)
    promotion = shop.add(
        Promotion,
        type="free_shipping_promotions",
        name=code,
        starts_at=SOME_DAY,
        expires_at=SOME_DAY,
        mode=mode,
    )
    shop.add(Coupon, promotion_id=promotion, code=code, mode=mode)
    for transfer in (Export, Import):
        shop.add(transfer, resource_type="orders", mode=mode)
    return key


@pytest.fixture
def both_modes(shop):
    """A shop with rows of both modes; the keys of their orders by mode."""
    keys = {mode: fill(shop, mode) for mode in ("live", "test")}
    drain()
    Outbox().make_deliveries()
    return keys


def paths_of(resource):
    """Every path that reads this resource, with the name of an id left open."""
    yield resource.name
    yield f"{resource.name}/{{id}}"
    for name in resource.relationship:
        yield f"{resource.name}/{{id}}/{name}"
        yield f"{resource.name}/{{id}}/relationships/{name}"


def test_no_path_shows_a_row_of_the_other_mode(api, shop, both_modes):
    shown: dict[str, set[tuple[str, str]]] = {mode: set() for mode in ("live", "test")}
    clients = {mode: api.with_token(make_token(mode)) for mode in shown}
    for mode, client in clients.items():
        for resource in RESOURCES.values():
            listed = client.get(
                resource.name, page__size=25, include=",".join(resource.relationship)
            )
            assert listed["meta"]["record_count"] == len(listed["data"]) > 0, resource.name
            resources = [*listed["data"], *listed.get("included", [])]
            assert {each["meta"]["mode"] for each in resources} == {mode}
            shown[mode] |= {(each["type"], each["id"]) for each in resources}

    assert shown["live"].isdisjoint(shown["test"])
    for mode, client in clients.items():
        (other,) = shown.keys() - {mode}
        for type_name, name in sorted(shown[other]):
            for path in paths_of(RESOURCES[type_name]):
                if "{id}" in path:
                    client.get(path.format(id=name), expect=404)


def test_references_to_rows_of_the_other_mode_are_hidden(api, shop, both_modes):
    live, test = both_modes["live"], both_modes["test"]
    customer = shop.row(Order, id=live).customer_id
    change(Order, test, customer_id=customer)
    here = f"orders/{make_order_id(test)}"

    shown = api.get(here, include="customer")

    assert shown["data"]["relationships"]["customer"]["data"] is None
    assert shown["included"] == []
    assert api.get(f"{here}/customer")["data"] is None
    assert api.get(f"{here}/relationships/customer")["data"] is None
    email = shop.row(Customer, id=customer).email
    assert api.list_ids("orders", customer_email_eq="buyer@shop.example", id_eq=make_order_id(test))
    assert api.list_ids("orders", customer_shopper_reference_null="true", id_eq=make_order_id(test))
    assert api.list_ids("order_factories", source_order_customer_email_eq=email) == []


def test_filters_reveal_nothing_about_the_other_mode(api, shop, both_modes):
    only_live = {"coupon_code_eq": "only-live"}

    assert api.list_ids("orders", **only_live) == []
    assert api.list_ids("line_items", order_coupon_code_eq="only-live") == []
    assert api.list_ids("customers", orders_coupon_code_eq="only-live") == []
    assert api.list_ids("events", order_factory_source_order_coupon_code_eq="only-live") == []
    assert api.list_ids("orders", id_eq=make_order_id(both_modes["live"])) == []
    assert make_order_id(both_modes["test"]) in api.list_ids("orders", coupon_code_eq="only-test")


def test_rows_of_the_other_mode_cannot_be_changed(api, shop, both_modes):
    live = make_order_id(both_modes["live"])
    factory = public_id(
        RESOURCES["order_copies"].ids,
        shop.rows(OrderFactory, source_order_id=both_modes["live"])[0].id,
    )
    data = {"type": "orders", "id": live, "attributes": {"reference": "x"}}

    api.patch(f"orders/{live}", data, expect=404)
    api.delete(f"order_copies/{factory}", expect=404)
    api.copy(live, expect=422)
    line = {
        "type": "line_items",
        "attributes": {"quantity": 1, "unit_amount_cents": 1, "sku_code": "MUG"},
        "relationships": {"order": make_linkage("orders", live)},
    }
    api.post("line_items", line, expect=422)

    assert shop.row(Order, id=both_modes["live"]).reference is None


def test_too_many_requests_get_429_with_retry_after(api):
    limited = api.with_token(make_token(rate_limits="3/60 100/300"))

    answers = [limited.send("GET", "orders") for _ in range(4)]

    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert [each.headers["x-ratelimit-remaining"] for each in answers] == ["2", "1", "0", "0"]
    assert answers[0].headers["x-ratelimit-limit"] == "3"
    assert answers[0].headers["x-ratelimit-interval"] == "60"
    assert 1 <= int(answers[3].headers["retry-after"]) <= 60
    api.get("orders")


def test_a_body_above_the_limit_is_refused(shop, configure):
    configure.setenv("ORDER_FACTORY_API_BODY_LIMIT", "1000")

    with Api.connect() as api:
        headers = {"Content-Type": MEDIA_TYPE}
        whole = api.send("POST", "customers", content=b"x" * 1_001, headers=headers)
        chunks = api.send("POST", "customers", content=iter([b"x" * 600] * 2), headers=headers)
        short = api.send("POST", "customers", content=b"x" * 1_000, headers=headers)

    assert [each.status_code for each in (whole, chunks, short)] == [413, 413, 400]


# Each would take minutes.
ENDLESS = {
    "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 1000000000) "
    "SELECT count(*) FROM n",
    "postgresql": "SELECT pg_sleep(600)",
}


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"filter[q][number_cont]": "1"}, 400, "QUERY_TOO_LONG"),
        ({}, 503, "SERVICE_UNAVAILABLE"),
    ],
)
def test_a_query_that_takes_too_long_is_stopped(shop, configure, query, status, code):
    configure.setenv("ORDER_FACTORY_API_QUERY_SECONDS", "0.2")

    def count_for_ever(db, *_):
        db.execute(text(ENDLESS[db.dialect.name]))

    with Api.connect() as api:
        with configure.context() as patched:
            patched.setattr("order_factory.api.reads.list_resources", count_for_ever)
            stopped = api.send("GET", "orders", params=query)
        after = api.send("GET", "orders")

    assert stopped.status_code == status
    assert stopped.json()["errors"][0]["code"] == code
    assert after.status_code == 200


def test_cross_origin_requests_are_off_unless_configured(shop, configure):
    origin = {"Origin": "https://shop.example"}
    with Api.connect() as api:
        assert (
            "access-control-allow-origin" not in api.client.get("/health", headers=origin).headers
        )

    configure.setenv("ORDER_FACTORY_API_CORS_ORIGINS", "https://shop.example")
    api_settings.cache_clear()
    with Api.connect() as api:
        allowed = api.client.get("/health", headers=origin).headers
        other = api.client.get("/health", headers={"Origin": "https://evil.example"}).headers

    assert allowed["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-origin" not in other


def test_every_answer_has_a_request_id_and_a_line_in_the_log_without_data(api, shop, caplog):
    logger = logging.getLogger("order_factory.access")
    shop.order(mode="test", customer_email="ada.private@shop.example")

    with caplog.at_level(logging.INFO, logger="order_factory"):
        given = api.send(
            "GET",
            "orders",
            params={"filter[q][customer_email_eq]": "ada.private@shop.example"},
            headers={"X-Request-Id": "mine-1"},
        )
        made = api.send("GET", "orders", headers={"X-Request-Id": "no good"})

    assert given.headers["x-request-id"] == "mine-1"
    assert len(made.headers["x-request-id"]) == 32
    # The line is written once the answer has been sent.
    deadline = monotonic() + 5
    while len(caplog.records) < 2 and monotonic() < deadline:
        sleep(0.01)
    records = [each for each in caplog.records if each.name == logger.name]
    assert [each.request_id for each in records] == ["mine-1", made.headers["x-request-id"]]
    log = json.dumps([vars(each) for each in records], default=str)
    assert "ada.private" not in log
    assert api.token.split("_", 2)[2] not in log


def test_internal_errors_are_not_shown(api, shop, monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError("ada.private@shop.example in table customers")

    monkeypatch.setattr("order_factory.api.reads.list_resources", fail)
    monkeypatch.setattr("order_factory.api.writes.create_row", fail)

    read = api.send("GET", "orders")
    data = {"type": "customers", "attributes": {"email": "ada@shop.example"}}
    written = api.post("customers", data, expect=500)

    assert read.status_code == 500
    assert read.json()["errors"][0]["code"] == "INTERNAL_SERVER_ERROR"
    assert "ada.private" not in read.text + json.dumps(written) + caplog.text


@pytest.fixture
def issuer(configure, tmp_path):
    """Signs tokens as the configured issuer does."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "issuer.pem").write_bytes(public)
    configure.setenv("ORDER_FACTORY_API_JWT_ISSUER", "https://auth.example")
    configure.setenv("ORDER_FACTORY_API_JWT_KEYS", str(tmp_path / "issuer.pem"))

    def sign(key=key, algorithm="RS256", **claims):
        expires_at = datetime.now(UTC) + timedelta(minutes=5)
        message = {"iss": "https://auth.example", "exp": expires_at, "scope": "read", "test": True}
        return jwt.encode({**message, **claims}, key, algorithm=algorithm)

    return sign


def test_only_tokens_of_the_issuer_are_accepted(shop, issuer):
    shop.order(mode="live")
    other = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    ended = datetime.now(UTC) - timedelta(seconds=1)

    with Api.connect() as api:
        assert api.with_token(issuer()).get("orders")["meta"]["record_count"] == 0
        assert api.with_token(issuer(test=False)).get("orders")["meta"]["record_count"] == 1
        assert api.with_token(issuer(mode="live")).get("orders")["meta"]["record_count"] == 1
        for wrong in (
            issuer(iss="https://evil.example"),
            issuer(exp=ended),
            issuer(scope=""),
            issuer(test=None),
            issuer(key=other),
            issuer(key="x" * 32, algorithm="HS256"),
            jwt.encode({"iss": "https://auth.example", "test": True}, "", algorithm="none"),
        ):
            api.with_token(wrong).get("orders", expect=401)
