"""What surrounds a document: its tag, its compression, and the headers that browsers may read."""

from tests.support.api_client import Api, make_order_id


def test_a_matching_etag_gets_304_without_a_body(api, shop):
    path = f"orders/{make_order_id(shop.order(mode='test'))}"
    first = api.send("GET", path)
    tag = first.headers["ETag"]

    for given in (tag, f'"another", {tag}', tag.removeprefix("W/"), "*"):
        again = api.send("GET", path, headers={"If-None-Match": given})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == tag
    assert api.send("GET", path, headers={"If-None-Match": 'W/"another"'}).json() == first.json()


def test_a_change_changes_the_tag(api, shop):
    name = make_order_id(shop.order(mode="test"))
    before = api.send("GET", f"orders/{name}").headers["ETag"]

    attributes = {"reference": "changed"}
    api.patch(f"orders/{name}", {"type": "orders", "id": name, "attributes": attributes})

    after = api.send("GET", f"orders/{name}", headers={"If-None-Match": before})
    assert after.status_code == 200
    assert after.json()["data"]["attributes"]["reference"] == "changed"


def test_errors_have_no_etag(api):
    missing = api.send("GET", "orders/nothing", headers={"If-None-Match": "*"})
    assert missing.status_code == 404
    assert "ETag" not in missing.headers


def test_long_answers_are_compressed_on_request(api, shop):
    path = f"orders/{make_order_id(shop.order(mode='test'))}"
    plain = api.send("GET", path, headers={"Accept-Encoding": "identity"})
    packed = api.send("GET", path, headers={"Accept-Encoding": "gzip"})

    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) < len(plain.content) / 2
    assert packed.json() == plain.json()
    assert packed.headers["ETag"] == plain.headers["ETag"]


def test_browsers_may_read_limits_and_tags(shop, configure):
    configure.setenv("ORDER_FACTORY_API_CORS_ORIGINS", "https://shop.example")
    with Api.connect() as api:
        origin = {"Origin": "https://shop.example"}
        answer = api.send("GET", "orders", headers=origin)
        preflight_headers = {"Access-Control-Request-Method": "GET"}
        preflight_headers["Access-Control-Request-Headers"] = "authorization,if-none-match"
        preflight = api.client.options("/api/orders", headers=origin | preflight_headers)

    exposed = set(answer.headers["Access-Control-Expose-Headers"].split(", "))
    limits = {"X-Ratelimit-Limit", "X-Ratelimit-Interval", "X-Ratelimit-Remaining"}
    assert exposed >= {"ETag", "Retry-After", *limits}
    assert answer.headers.keys() >= {name.lower() for name in limits}
    assert preflight.status_code == 200
