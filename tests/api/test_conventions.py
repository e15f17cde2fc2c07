"""The conventions of JSON:API and of the reference: media types, includes, fields, sorting, pages."""

from typing import Any

from sqlalchemy import event

from order_factory.models.database.engine import get_engine
from order_factory.models.database.quick_statements import QuickSelect
from order_factory.models.tables import OrderFactory
from tests.support.api_client import MEDIA_TYPE, make_linkage, make_order_id
from tests.support.copying import change
from tests.support.draining import drain


def test_the_answer_is_json_api_or_none(api):
    cases = [
        (MEDIA_TYPE, 200),
        ("*/*", 200),
        (f"text/html, {MEDIA_TYPE};q=0.5", 200),
        ("text/html", 406),
        ("application/json", 406),
        (f"{MEDIA_TYPE}; charset=utf-8", 406),
    ]

    answers = [(api.send("GET", "orders", headers={"Accept": case[0]}), case) for case in cases]

    assert [(case[0], answer.status_code) for answer, case in answers] == cases
    assert {answer.headers["content-type"] for answer, _ in answers} == {MEDIA_TYPE}


def test_a_body_of_another_type_is_refused(api):
    for content_type in ["application/json", f"{MEDIA_TYPE}; charset=utf-8", "", "text/plain"]:
        headers = {"Content-Type": content_type}
        response = api.send("POST", "customers", content=b"{}", headers=headers)

        assert response.status_code == 415, content_type
        assert response.json()["errors"][0]["source"] == {"header": "Content-Type"}


def test_a_malformed_document_is_refused(api):
    cases = [
        (b"", 400, "INVALID_JSON"),
        (b"{", 400, "INVALID_JSON"),
        (b"[1]", 400, "INVALID_DATA_FORMAT"),
        (b'{"data": []}', 400, "INVALID_DATA_FORMAT"),
        (b'{"data": {}}', 400, "INVALID_RESOURCE"),
        (b'{"data": {"type": "martians"}}', 400, "INVALID_RESOURCE"),
        (b'{"data": {"type": "orders"}}', 409, "TYPE_MISMATCH"),
        (b'{"data": {"type": "customers", "id": "x"}}', 403, "CLIENT_ID_NOT_ALLOWED"),
        (b'{"data": {"type": "customers", "attributes": []}}', 400, "INVALID_DATA_FORMAT"),
        (
            b'{"data": {"type": "customers", "attributes": {"email": "\\ud800"}}}',
            400,
            "INVALID_JSON",
        ),
        (b'{"data": {"type": "customers", "attributes": {"email": "a\\u0000@b.c"}}}', 422, None),
        (b'{"data": {"type": "customers", "attributes": {"email": 12}}}', 422, None),
        (b'{"data": {"type": "customers", "relationships": {"orders": 1}}}', 400, None),
        (b"[" * 100_000, 400, "INVALID_JSON"),
    ]
    for body, status, code in cases:
        headers = {"Content-Type": MEDIA_TYPE}
        response = api.send("POST", "customers", content=body, headers=headers)

        (error,) = response.json()["errors"]
        assert (response.status_code, error["status"]) == (status, str(status)), body[:80]
        assert code in (None, error["code"]), body[:80]


def test_deeply_nested_metadata_is_refused(api):
    def create(email, depth):
        nested: Any = {"a": 1}
        for _ in range(depth - 1):
            nested = {"a": nested}
        data = {"type": "customers", "attributes": {"email": email, "metadata": nested}}
        return api.send(
            "POST", "customers", json={"data": data}, headers={"Content-Type": MEDIA_TYPE}
        )

    assert create("a@shop.example", 30).status_code == 201
    for depth in (51, 600):
        refused = create("b@shop.example", depth)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["title"] == "is nested more than 50 levels deep"


def test_an_update_names_the_resource_of_its_url(api, shop):
    one, other = (make_order_id(shop.order(mode="test")) for _ in range(2))

    mismatch = api.patch(f"orders/{one}", {"type": "orders", "id": other}, expect=409)
    missing = api.patch(f"orders/{one}", {"type": "orders"}, expect=400)

    assert mismatch["errors"][0]["source"] == {"pointer": "/data/id"}
    assert missing["errors"][0]["code"] == "KEY_NOT_INCLUDED_IN_URL"


def test_each_included_resource_occurs_once(api, shop):
    customer = shop.customer(mode="test")
    for _ in range(3):
        shop.order(mode="test", customer_id=customer)

    document = api.get("orders", include="customer.orders,customer,line_items.order")

    kinds = sorted(each["type"] for each in document["included"])
    # The orders are the primary data, and so not included again.
    assert kinds == ["customers", "line_items", "line_items", "line_items"]
    (included,) = (each for each in document["included"] if each["type"] == "customers")
    assert included["relationships"]["orders"]["data"] == [
        {"type": "orders", "id": each["id"]} for each in document["data"]
    ]
    linked = {each["relationships"]["customer"]["data"]["id"] for each in document["data"]}
    assert linked == {included["id"]}


def test_empty_relationships_are_included_as_such(api, shop):
    source = shop.order(mode="test")
    made = api.copy(make_order_id(source))["data"]["id"]

    document = api.get(f"order_copies/{made}", include="target_order,order_factory_batch")
    related = api.get(f"order_copies/{made}/target_order")
    options = api.get(f"orders/{make_order_id(source)}", include="line_item_options")

    assert document["data"]["relationships"]["target_order"]["data"] is None
    assert document["included"] == []
    assert related["data"] is None
    assert options["data"]["relationships"]["line_item_options"]["data"] == []


def test_fields_restrict_attributes_and_relationships(api, shop):
    shop.order(mode="test", customer_id=shop.customer(mode="test"))

    document = api.get(
        "orders", include="customer", fields__orders="number,customer", fields__customers=""
    )

    (order,) = document["data"]
    assert set(order["attributes"]) == {"number"}
    assert set(order["relationships"]) == {"customer"}
    assert document["included"][0]["attributes"] == {}


def test_several_keys_sort_and_null_is_last(api, shop):
    names = {}
    for number, coupon in (("1", "b"), ("2", "a"), ("3", None), ("4", "B"), ("5", "a")):
        names[make_order_id(shop.order(mode="test", number=number, coupon_code=coupon))] = number

    def list_sorted(keys):
        return "".join(names[each["id"]] for each in api.get("orders", sort=keys)["data"])

    assert list_sorted("coupon_code,-number") == "45213"
    assert list_sorted("-coupon_code,number") == "31254"
    assert list_sorted("-id") == "54321"
    assert list_sorted("") == "12345"


def test_pages_are_counted_and_linked(api, shop):
    customer = shop.customer(mode="test")
    keys = [make_order_id(shop.order(mode="test", customer_id=customer)) for _ in range(7)]

    page = api.get("orders", page__number=2, page__size=3, sort="id")
    beyond = api.get("orders", page__number=9, page__size=3)

    assert [each["id"] for each in page["data"]] == keys[3:6]
    assert page["meta"] == {"record_count": 7, "page_count": 3}
    links = page["links"]
    assert set(links) == {"first", "prev", "next", "last"}
    start = "http://shop.example/api/orders?sort=id&page%5Bnumber%5D"
    assert links["first"] == links["prev"] == f"{start}=1&page%5Bsize%5D=3"
    assert links["next"] == links["last"] == f"{start}=3&page%5Bsize%5D=3"
    assert beyond["data"] == []
    assert beyond["meta"]["record_count"] == 7
    assert len(api.get("orders")["data"]) == 7


def test_the_next_link_returns_the_next_page(api, shop):
    for _ in range(3):
        shop.order(mode="test")

    first = api.get("orders", page__size=2, **{"filter[q][status_in]": "placed,draft"})
    following = api.send("GET", first["links"]["next"].split("/api/")[1]).json()

    assert len(following["data"]) == 1
    assert following["meta"] == first["meta"]


def test_an_unsupported_parameter_is_named_in_the_error(api):
    cases = [
        ("include", "martians", "INVALID_INCLUDE"),
        ("include", "customer.martians", "INVALID_INCLUDE"),
        ("include", "customer.orders.customer.orders.customer.orders", "INVALID_INCLUDE"),
        ("fields[orders]", "colour", "INVALID_FIELD"),
        ("fields[martians]", "colour", "INVALID_RESOURCE"),
        ("sort", "colour", "INVALID_SORT_CRITERIA"),
        ("sort", "metadata", "INVALID_SORT_CRITERIA"),
        ("sort", "--number", "INVALID_SORT_CRITERIA"),
        ("page[number]", "0", "INVALID_PAGE_VALUE"),
        ("page[number]", "99999999999999999999", "INVALID_PAGE_VALUE"),
        ("page[size]", "26", "INVALID_PAGE_VALUE"),
        ("page[size]", "ten", "INVALID_PAGE_VALUE"),
        ("page[offset]", "1", "PARAM_NOT_ALLOWED"),
        ("colour", "red", "PARAM_NOT_ALLOWED"),
        ("filter[number]", "1", "FILTER_NOT_ALLOWED"),
        ("filter[q][colour_eq]", "red", "FILTER_NOT_ALLOWED"),
        ("filter[q][number_resembles]", "1", "FILTER_NOT_ALLOWED"),
        ("filter[q][number]", "1", "FILTER_NOT_ALLOWED"),
        ("filter[q][total_amount_cents_eq]", "much", "FILTER_NOT_ALLOWED"),
        ("filter[q][total_amount_cents_cont]", "1", "FILTER_NOT_ALLOWED"),
        ("filter[q][placed_at_gt]", "soon", "FILTER_NOT_ALLOWED"),
        ("filter[q][guest_true]", "maybe", "FILTER_NOT_ALLOWED"),
        ("filter[q][metadata_jcont]", "[1]", "FILTER_NOT_ALLOWED"),
        ("filter[q][metadata_eq]", "{}", "FILTER_NOT_ALLOWED"),
        ("filter[q][number_matches]", "a\\", "FILTER_NOT_ALLOWED"),
        ("filter[q][id_gt]", "x", "FILTER_NOT_ALLOWED"),
        ("filter[q][number_eq]", "\x00", "FILTER_NOT_ALLOWED"),
        ("filter[q][number_eq]", "x" * 10_001, "FILTER_NOT_ALLOWED"),
    ]
    for parameter, value, code in cases:
        response = api.send("GET", "orders", params={parameter: value})

        (error,) = response.json()["errors"]
        assert response.status_code == 400, parameter
        assert error["source"] == {"parameter": parameter}
        assert error["code"] == code, parameter


def test_a_parameter_given_twice_is_refused(api):
    response = api.send("GET", "orders?sort=id&sort=number")

    assert response.json()["errors"][0]["source"] == {"parameter": "sort"}


def test_an_unknown_id_is_not_found(api):
    for name in ["nonsensical", "1", "' OR 1=1 --", "%00", "x" * 5_000]:
        response = api.send("GET", f"orders/{name}")

        assert response.status_code == 404, name
        assert response.json()["errors"][0]["code"] == "RECORD_NOT_FOUND"


def test_an_id_of_another_resource_is_not_found(api, shop):
    key = shop.order(mode="test", customer_id=shop.customer(mode="test"))
    customer = api.get(f"orders/{make_order_id(key)}/customer")["data"]["id"]

    api.get(f"orders/{customer}", expect=404)


def test_a_wrong_method_is_answered_with_the_allowed_ones(api):
    cases = [
        ("POST", "events", "GET, HEAD"),
        ("PATCH", "order_factories/x", "GET, HEAD"),
        ("DELETE", "orders/x", "GET, HEAD, PATCH"),
        ("PUT", "order_copies/x", "GET, HEAD, PATCH, DELETE"),
        ("POST", "orders/x/line_items", "GET, HEAD"),
        ("PATCH", "orders/x/relationships/customer", "GET, HEAD"),
    ]
    for method, path, allowed in cases:
        headers = {"Content-Type": MEDIA_TYPE}
        response = api.send(method, path, content=b"{}", headers=headers)

        assert response.status_code == 405, path
        assert response.headers["allow"] == allowed


def test_a_path_without_a_route_is_answered_in_the_same_form(api):
    trace, health = api.send("TRACE", "orders"), api.client.post("/health")

    assert [each.status_code for each in (trace, health)] == [405, 405]
    assert health.json()["errors"][0]["code"] == "METHOD_NOT_ALLOWED"


def test_other_paths_answer_404(api):
    for path in ["martians", "orders/x/martians", "", "orders//", "a/b/c/d/e/f"]:
        assert api.get(path, expect=404)["errors"][0]["status"] == "404"


def test_relationships_can_be_read_as_identifiers(api, shop):
    lines = (("MUG", 1, 100), ("CAP", 1, 100))
    key = shop.order(mode="test", customer_id=shop.customer(mode="test"), lines=lines)
    here = f"orders/{make_order_id(key)}"

    one = api.get(f"{here}/relationships/customer")
    many = api.get(f"{here}/relationships/line_items", page__size=1)

    assert one["data"] == {"type": "customers", "id": api.get(f"{here}/customer")["data"]["id"]}
    assert one["links"]["related"] == f"http://shop.example/api/{here}/customer"
    assert [each["type"] for each in many["data"]] == ["line_items"]
    assert many["meta"] == {"record_count": 2, "page_count": 2}


def test_the_number_of_queries_does_not_grow_with_the_rows(api, shop, monkeypatch):
    statements = []
    quick = QuickSelect.rows

    def count_and_read(*given):
        statements.append("SELECT without SQLAlchemy")
        return quick(*given)

    monkeypatch.setattr(QuickSelect, "rows", count_and_read)

    def queries():
        statements.clear()
        listener = lambda *given: statements.append(given[2])
        event.listen(get_engine(), "before_cursor_execute", listener)
        document = api.get(
            "order_factories", include="source_order.line_items,target_order", page__size=25
        )
        event.remove(get_engine(), "before_cursor_execute", listener)
        return len(document["data"]), len(
            [each for each in statements if each.startswith("SELECT")]
        )

    source = shop.order(mode="test")
    for _ in range(2):
        api.copy(make_order_id(source))
    drain()
    few = queries()
    for _ in range(23):
        api.copy(make_order_id(source))
    drain()

    # The token, the page, and one for each relationship; a full page does not tell its count.
    assert (few, queries()) == ((2, 5), (25, 6))


def test_orders_and_their_lines_are_filled_and_added_up(api, shop):
    customer = api.post(
        "customers", {"type": "customers", "attributes": {"email": "ada@shop.example"}}
    )["data"]["id"]
    order = api.post(
        "orders",
        {
            "type": "orders",
            "attributes": {"currency_code": "USD"},
            "relationships": {"customer": make_linkage("customers", customer)},
        },
    )["data"]

    def line(**attributes):
        data = {
            "type": "line_items",
            "attributes": attributes,
            "relationships": {"order": make_linkage("orders", order["id"])},
        }
        return api.post("line_items", data)["data"]

    goods = line(sku_code="MUG", quantity=2, unit_amount_cents=500)
    line(item_type="shipments", quantity=1, unit_amount_cents=300)
    line(item_type="percentage_discount_promotions", quantity=1, unit_amount_cents=-100)
    shown = api.get(f"orders/{order['id']}")["data"]["attributes"]

    assert order["attributes"]["status"] == "draft"
    assert order["attributes"]["customer_email"] == "ada@shop.example"
    assert goods["attributes"]["formatted_total_amount"] == "$10.00"
    assert {name: shown[name] for name in shown if name.endswith("_cents")} == {
        "subtotal_amount_cents": 1_000,
        "shipping_amount_cents": 300,
        "payment_method_amount_cents": 0,
        "discount_amount_cents": -100,
        "adjustment_amount_cents": 0,
        "gift_card_amount_cents": 0,
        "total_tax_amount_cents": 0,
        "total_amount_cents": 1_200,
        "total_amount_with_taxes_cents": 1_200,
    }
    assert shown["status"] == "pending"


def test_a_placed_order_keeps_its_lines_and_takes_a_reference(api, shop):
    key = shop.order(mode="test")
    here = make_order_id(key)
    line = api.get(f"orders/{here}/line_items")["data"][0]["id"]

    def send_change(path, type_name, name, expect, **attributes):
        data = {"type": type_name, "id": name, "attributes": attributes}
        return api.patch(f"{path}/{name}", data, expect)

    (refused,) = send_change("line_items", "line_items", line, 422, quantity=9)["errors"]
    send_change("line_items", "line_items", line, 200, reference="kept")
    (error,) = send_change("orders", "orders", here, 422, coupon_code="X")["errors"]
    send_change("orders", "orders", here, 200, metadata={"seen": True})

    assert refused["detail"] == "order - cannot be changed: it is placed"
    assert error["detail"] == "coupon_code - cannot be changed: the order is placed"


def test_an_email_that_is_taken_in_the_same_mode_is_refused(api, shop):
    shop.customer(mode="test", email="ada@shop.example")
    shop.customer(mode="live", email="bob@shop.example")

    def create(email, expect):
        data = {"type": "customers", "attributes": {"email": email}}
        return api.post("customers", data, expect)

    (error,) = create("ada@shop.example", 422)["errors"]
    assert error["source"] == {"pointer": "/data/attributes/email"}
    assert error["code"] == "VALIDATION_ERROR"
    create("bob@shop.example", 201)


def test_tokens_of_gateways_are_masked(api, shop):
    customer = shop.customer(mode="test")
    shop.payment_source(wallet_of=customer, mode="test")
    from order_factory.models.tables import CustomerPaymentSource

    change(
        CustomerPaymentSource,
        1,
        mode="test",
        payment_source_token="pm_1234567890abcdefXYZW",
        customer_token="short",
    )

    (entry,) = api.get("customer_payment_sources")["data"]
    guess = api.send(
        "GET", "customer_payment_sources", params={"filter[q][payment_source_token_start]": "pm_1"}
    )

    assert entry["attributes"]["payment_source_token"] == "****XYZW"
    assert entry["attributes"]["customer_token"] == "****"
    assert guess.status_code == 400


def test_an_order_factory_shows_its_errors(api, shop):
    made = api.copy(make_order_id(shop.order(mode="test", billing_address_id=None)))["data"]["id"]
    drain()

    shown = api.get(f"order_factories/{made}")["data"]["attributes"]

    assert shown["status"] == "failed"
    assert shown["errors_log"] == {"billing_address": ["the order has no billing address"]}
    assert (shown["errors_count"], shown["completed_at"]) == (1, None)
    assert shop.row(OrderFactory).status == "failed"
