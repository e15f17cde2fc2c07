"""`order-factory orders`."""

from order_factory.models.values.public_ids import Resource, public_id
from tests.support.shop import SOME_DAY


def test_lists_orders_the_newest_first(shop, run):
    first = shop.order(number="A1", lines=[("MUG", 2, 1_234_50), ("CAP", 1, 9)])
    shop.order(number="A2", status="cancelled", currency_code="GBP")

    output = run("orders")
    as_json = run("orders", "--json")

    assert (output.code, output.err) == (0, "")
    header, _, second_row, first_row, _, summary = output.out.splitlines()
    assert header.split() == ["number", "id", "status", "lines", "total", "placed", "copy", "of"]
    assert second_row.split()[2:6] == ["cancelled", "1", "12.50", "GBP"]
    assert first_row.split() == [
        *("A1", public_id(Resource.orders, first), "placed", "2", "2,469.09", "EUR"),
        *("2026-01-15", "12:00:00", "UTC", "-"),
    ]
    assert summary == "Orders 1 to 2 of 2, newest first."
    order = as_json.json["orders"][1]
    del order["created_at"]
    assert order == {
        "id": public_id(Resource.orders, first),
        "number": "A1",
        "status": "placed",
        "mode": "live",
        "lines": 2,
        "total_amount_cents": 2_469_09,
        "currency_code": "EUR",
        "placed_at": f"{SOME_DAY:%Y-%m-%dT%H:%M:%SZ}",
        "copy_of": None,
    }
    assert (as_json.json["page"], as_json.json["limit"], as_json.json["total"]) == (1, 20, 2)
    assert "@" not in output.out + as_json.out


def test_a_page_of_the_orders_with_a_status(shop, run):
    for n in range(5):
        shop.order(number=f"A{n}", status="placed" if n else "draft")

    output = run("orders", "--status", "placed", "--limit", "3", "--page", "2", "--json")
    beyond = run("orders", "--limit", "3", "--page", "3")
    first = run("orders", "--limit", "3")

    assert [order["number"] for order in output.json["orders"]] == ["A1"]
    assert output.json["total"] == 4
    assert beyond.out == "There is no page 3: 5 orders make 2.\n"
    assert first.out.endswith("Orders 1 to 3 of 5, newest first. --page 2 shows the next.\n")


def test_an_unknown_status_is_refused(shop, run):
    output = run("orders", "--status", "shipped")

    assert (output.code, output.out) == (2, "")
    assert output.err.startswith("Error: 'shipped' is not an order status. Use one of draft, ")


def test_control_characters_in_a_number_are_escaped(shop, run):
    shop.order(number="A1\x1b[2J[red]")

    output = run("orders")

    assert "A1\\x1b[2J[red]" in output.out
    assert "\x1b" not in output.out
