"""Bad rows: each lands in the rejects with its line and reason, and takes no other row along."""

import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from order_factory.models.database.engine import begin
from order_factory.models.errors import InvalidRequest
from order_factory.models.tables import (
    Address,
    Customer,
    LineItem,
    Order,
    OrderFactory,
    PaymentSource,
    StockItem,
)
from order_factory.tasks.imports.rejects import Reject, RejectsFile, new_rejects_file
from tests.support.import_examples import make_plain_line, make_plain_order

NO_ZONE = "has no time zone; write it like 2026-01-15T12:00:00Z"
NO_TIME = "is not an ISO 8601 time like 2026-01-15T12:00:00Z"
NO_COUNTRY = "no ISO 3166 country code of two letters"
ZONE_NAME = "names its time zone; write its offset, like 2026-01-15T12:00:00+02:00"
NO_NUL = "contains the character 0, which cannot be stored"
HALF = "contains half of a character (a lone surrogate), which cannot be stored"
NO_STATUS = (
    "Input should be 'draft', 'pending', 'editing', 'placing', 'placed', 'approved' or 'cancelled'"
)
NO_CENTS = "is not a whole number; amounts are whole cents, such as 1250 for 12.50"
SHORTENED = "looks like a number that a spreadsheet has shortened; format the column as text"
NO_JSON_VALUE = "is not valid JSON: it contains NaN, infinity or a value that JSON does not have"
TOO_DEEP = "is nested more than 50 levels deep"
BAD_ORDERS = [
    ({"number": ""}, "number", "is required"),
    ({"number": "n" * 256}, "number", "has 256 characters; at most 255 are allowed"),
    ({"number": "1\0"}, "number", NO_NUL),
    ({"number": "1.23E+11"}, "number", SHORTENED),
    (
        {"number": "7.0"},
        "number",
        "is 7.0, a decimal number made of a text; write 7, and format it as text",
    ),
    ({"currency_code": "eur"}, "currency_code", "is eur, no ISO 4217 currency code; write EUR"),
    (
        {"currency_code": "XXZ"},
        "currency_code",
        "is XXZ, no ISO 4217 currency code; write a code such as EUR",
    ),
    ({"country_code": "Italy"}, "country_code", f"is {NO_COUNTRY}; write IT for Italy"),
    ({"country_code": "UK"}, "country_code", f"is UK, {NO_COUNTRY}; write GB for United Kingdom"),
    (
        {"shipping_country_code_lock": "ZZ"},
        "shipping_country_code_lock",
        f"is ZZ, {NO_COUNTRY}; write a code such as IT",
    ),
    ({"total_amount_cents": "1_000"}, "total_amount_cents", NO_CENTS),
    ({"total_amount_cents": "1e3"}, "total_amount_cents", NO_CENTS),
    ({"total_amount_cents": "true"}, "total_amount_cents", NO_CENTS),
    (
        {"total_amount_cents": "1000000000001"},
        "total_amount_cents",
        "Input should be less than or equal to 1000000000000",
    ),
    (
        {"discount_amount_cents": "5"},
        "discount_amount_cents",
        "Input should be less than or equal to 0",
    ),
    (
        {"gift_card_amount_cents": "-5"},
        "gift_card_amount_cents",
        "Input should be greater than or equal to 0",
    ),
    ({"tax_rate": "nan"}, "tax_rate", "Input should be a finite number"),
    ({"tax_rate": "22"}, "tax_rate", "is 22; write 0.22 for 22 percent"),
    ({"tax_rate": "22%"}, "tax_rate", "is not a number; write 0.22 for 22 percent"),
    ({"tax_rate": "-0.1"}, "tax_rate", "Input should be greater than or equal to 0"),
    (
        {"guest": "perhaps"},
        "guest",
        "Input should be a valid boolean, unable to interpret input",
    ),
    (
        {"status": "sent"},
        "status",
        NO_STATUS,
    ),
    ({"placed_at": "2026-01-15T12:00:00"}, "placed_at", NO_ZONE),
    ({"placed_at": "2026-01-15"}, "placed_at", NO_ZONE),
    ({"placed_at": "1768478400"}, "placed_at", NO_TIME),
    ({"placed_at": "15/01/2026 12:00"}, "placed_at", NO_TIME),
    ({"placed_at": "2026-01-15 12:00:00 CET"}, "placed_at", ZONE_NAME),
    (
        {"placed_at": "9999-12-31T23:00:00-05:00"},
        "placed_at",
        "is outside the years 1 to 9999",
    ),
    ({"metadata": "{'a': 1}"}, "metadata", "is not valid JSON"),
    ({"metadata": "[1]"}, "metadata", 'is not a JSON object like {"key": "value"}'),
    ({"metadata": '{"a": NaN}'}, "metadata", NO_JSON_VALUE),
    ({"metadata": '{"a": "\\u0000"}'}, "metadata", NO_NUL),
    (
        {"metadata": '{"a": "\\ud800"}'},
        "metadata",
        HALF,
    ),
    ({"metadata": "[" * 100_000}, "metadata", TOO_DEEP),
    ({"metadata": '{"a":' * 900 + "1" + "}" * 900}, "metadata", TOO_DEEP),
    ({"customer": "nobody"}, "customer", "is not an email address"),
    ({"customer": "nobody@shop.example"}, "customer", "is not the email of a customer"),
    ({"billing_address": "nowhere"}, "billing_address", "is not the reference of an address"),
    ({"shipping_address": "nowhere"}, "shipping_address", "is not the reference of an address"),
    ({"payment_method": "shells"}, "payment_method", "is not the reference of a payment method"),
    ({"payment_source": "shells"}, "payment_source", "is not the reference of a payment source"),
]


@pytest.mark.parametrize("chunk_size", [1000, 7])
def test_every_kind_of_bad_order_is_reported_and_the_others_are_imported(
    shop, write_csv, run_import, chunk_size
):
    optional = {name for wrong, _, _ in BAD_ORDERS for name in wrong}
    rows = [dict.fromkeys(optional) | make_plain_order("first")]
    for n, (wrong, _, _) in enumerate(BAD_ORDERS):
        rows += [make_plain_order(f"bad-{n}") | wrong, make_plain_order(f"good-{n}")]
    path = write_csv("orders.csv", rows)

    imported = run_import(path, chunk_size=chunk_size)

    # line 2 is the first order, line 3 the first bad one, and so on
    assert imported.rejects == [
        (3 + 2 * n, column, reason) for n, (_, column, reason) in enumerate(BAD_ORDERS)
    ]
    references = ["first", *(f"good-{n}" for n in range(len(BAD_ORDERS)))]
    assert [row.number for row in shop.rows(Order)] == references
    assert imported.counts == {"orders.csv": (len(references), 0, len(BAD_ORDERS))}


def test_a_row_with_several_errors_counts_as_one_rejected_row(shop, write_csv, run_import):
    path = write_csv(
        "orders.csv",
        [
            make_plain_order("1", billing_address="nowhere", payment_method="shells"),
            make_plain_order("", currency_code="€"),
        ],
    )

    imported = run_import(path)

    assert imported.counts == {"orders.csv": (0, 0, 2)}
    assert imported.rejects == [
        (2, "billing_address", "is not the reference of an address"),
        (2, "payment_method", "is not the reference of a payment method"),
        (3, "currency_code", "is no ISO 4217 currency code; write a code such as EUR"),
        (3, "number", "is required"),
    ]


def test_lines_of_unknown_orders_and_lines_without_a_name_are_rejected(shop, write_csv, run_import):
    order_id = shop.order(number="1", lines=[])
    path = write_csv(
        "line_items.csv",
        [
            make_plain_line("1", "a"),
            make_plain_line("2", "a"),
            make_plain_line("1", ""),
            make_plain_line("1", "b", quantity="1.5"),
            make_plain_line("1", "c", item_type="goods"),
            make_plain_line("1", "d", quantity=""),
        ],
    )

    imported = run_import(path)

    assert [(row.order_id, row.reference) for row in shop.rows(LineItem)] == [(order_id, "a")]
    kind = imported.rejects[3]
    assert (kind.line, kind.column, kind.reason[:24]) == (
        6,
        "item_type",
        "Input should be 'skus', ",
    )
    assert [*imported.rejects[:3], imported.rejects[4]] == [
        (3, "order_number", "is not the number of an imported order"),
        (4, "reference", "is required"),
        (
            5,
            "quantity",
            "is not a whole number",
        ),
        (7, "quantity", "is required"),
    ]


def test_an_order_that_a_factory_made_takes_no_imported_lines(shop, write_csv, run_import):
    source = shop.order(number="1", lines=[])
    factory_id = shop.add(OrderFactory, source_order_id=source)
    shop.order(number="2", lines=[], order_factory_id=factory_id)
    path = write_csv("line_items.csv", [make_plain_line("2", "a")])

    imported = run_import(path)

    assert imported.rejects == [(2, "order_number", "is not the number of an imported order")]
    assert shop.rows(LineItem) == []


def test_coordinates_outside_the_earth_are_refused(shop, write_csv, run_import):
    address = {"line_1": "1 Example Street", "city": "Exampleville", "country_code": "US"}
    path = write_csv(
        "addresses.csv",
        [
            {"reference": "a", **address, "lat": "90", "lng": "-180"},
            {"reference": "b", **address, "lat": "90.1", "lng": ""},
            {"reference": "c", **address, "lat": "", "lng": "-180.1"},
            {"reference": "d", **address, "lat": "nan", "lng": ""},
        ],
    )

    imported = run_import(path)

    assert [row.reference for row in shop.rows(Address)] == ["a"]
    assert imported.rejects == [
        (3, "lat", "Input should be less than or equal to 90"),
        (4, "lng", "Input should be greater than or equal to -180"),
        (5, "lat", "Input should be less than or equal to 90"),
    ]


def test_options_and_stock_and_wallets_of_unknown_rows_are_rejected(
    shop, tmp_path, write_csv, run_import
):
    order_id = shop.order(number="1", lines=[])
    shop.line(order_id, reference="a")
    shop.customer(email="ann@shop.example")
    shop.payment_source(reference="card")
    option = {"reference": "wrap", "quantity": 1}
    write_csv(
        "line_item_options.csv",
        [
            {"order_number": "1", "line_item": "a", **option},
            {"order_number": "1", "line_item": "b", **option},
            {"order_number": "2", "line_item": "a", **option},
        ],
    )
    write_csv(
        "stock_items.csv",
        [
            {"sku_code": "MUG", "stock_location": "main", "quantity": 1},
            {"sku_code": "CAP", "stock_location": "main", "quantity": -1},
        ],
    )
    write_csv(
        "customer_payment_sources.csv",
        [
            {"customer_email": "ann@shop.example", "payment_source": "card"},
            {"customer_email": "bob@shop.example", "payment_source": "card"},
            {"customer_email": "ann@shop.example", "payment_source": "cash"},
        ],
    )

    imported = run_import(tmp_path / "shop")

    assert imported.counts == {
        "stock_items.csv": (0, 0, 2),
        "customer_payment_sources.csv": (1, 0, 2),
        "line_item_options.csv": (1, 0, 2),
    }
    assert imported.rejects == [
        (2, "sku_code", "is not the code of a SKU"),
        (3, "quantity", "Input should be greater than or equal to 0"),
        (3, "customer_email", "is not the email of a customer"),
        (4, "payment_source", "is not the reference of a payment source"),
        (3, "line_item", "is not the reference of a line of an imported order"),
        (4, "line_item", "is not the reference of a line of an imported order"),
    ]
    assert shop.rows(StockItem) == []


def test_broken_csv_rows_are_rejected_with_the_line_on_which_they_begin(shop, tmp_path, run_import):
    path = tmp_path / "customers.csv"
    path.write_bytes(
        b"\xef\xbb\xbfemail,profile_id\r\n"
        b'a@shop.example,"two\r\nlines"\r\n'
        b"b@shop.example\r\n"
        b"\r\n"
        b"c@shop.example,x,y\r\n"
        b"d@shop.example,M\xfcller\r\n"
        b'e@shop.example,"x"y\r\n'
        b"f@shop.example," + b"x" * 140_000 + b"\r\n"
        b"g@shop.example,M\xc3\xbcller\r\n"
        b'h@shop.example,"never closed\r\n'
    )

    imported = run_import(path)

    assert imported.rejects == [
        (4, "", "has 1 values where the first line names 2 columns"),
        (6, "", "has 3 values where the first line names 2 columns"),
        (7, "profile_id", "is not UTF-8; save the file as UTF-8"),
        (8, "", "is broken CSV: ',' expected after '\"'"),
        (9, "", "is broken CSV: field larger than field limit (131072)"),
        (11, "", "is broken CSV: unexpected end of data"),
    ]
    assert [(row.email, row.profile_id) for row in shop.rows(Customer)] == [
        ("a@shop.example", "two\r\nlines"),
        ("g@shop.example", "Müller"),
    ]


def test_broken_json_lines_are_rejected_with_their_line(shop, tmp_path, run_import):
    path = tmp_path / "customers.jsonl"
    good = {"email": "a@shop.example", "status": None, "profile_id": ""}
    path.write_bytes(
        b"\xef\xbb\xbf" + json.dumps(good).encode() + b"\n"
        b'{"email": "b@shop.example"\n'
        b"\n"
        b'["c@shop.example"]\n'
        b'{"email": "d@shop.example", "profile_id": "M\xfcller"}\n'
        b'{"email": "e@shop.example", "profile_id": NaN}\n'
        b'{"email": "f@shop.example", "profile_id": true}\n'
        b'{"email": "g@shop.example", "colour": "red"}\n'
        b'{"profile_id": "h"}\n'
        b'{"email": "i@shop.example", "profile_id": "\\ud800"}\n' + b"[" * 200_000 + b"\n"
        b'{"email": "j@shop.example", "metadata": {"deep": ' + b"9" * 5000 + b"}}\n"
        b'{"email": "k@shop.example", "metadata": {"a": 1}}'
    )

    imported = run_import(path)

    assert imported.rejects == [
        (2, "", "is not JSON: Expecting ',' delimiter at character 28"),
        (4, "", "is not a JSON object"),
        (5, "", "is not UTF-8 text"),
        (6, "", "is not JSON: NaN is no JSON at character 1"),
        (7, "profile_id", "is not text; write it in quotes"),
        (8, "colour", "is not a known column"),
        (9, "email", "is required"),
        (10, "profile_id", HALF),
        (11, "", "is not JSON that can be read: a number too long, or nested too deep"),
        (12, "", "is not JSON that can be read: a number too long, or nested too deep"),
    ]
    assert [(row.email, row.metadata) for row in shop.rows(Customer)] == [
        ("a@shop.example", None),
        ("k@shop.example", {"a": 1}),
    ]


def test_the_first_json_line_may_be_broken_too(shop, tmp_path, run_import):
    path = tmp_path / "customers.jsonl"
    path.write_text('{"email"\n{"email": "a@shop.example"}\n')

    imported = run_import(path)

    assert imported.counts == {"customers.jsonl": (1, 0, 1)}
    assert imported.rejects == [(1, "", "is not JSON: Expecting ':' delimiter at character 10")]


def test_parquet_values_that_python_cannot_hold_are_rejected_with_their_row(
    shop, tmp_path, run_import
):
    path = tmp_path / "payment_sources.parquet"
    far = pa.array([0, 2**60, 10], pa.timestamp("us", tz="UTC"))
    table = pa.table(
        {
            "reference": ["a", "b", "c"],
            "payment_source_type": ["card", "card", "card"],
            "expires_at": far,
        }
    )
    pq.write_table(table, path)

    imported = run_import(path)

    wrong = "holds text that is not UTF-8, or a time outside the years 1 to 9999"
    assert imported.rejects == [(2, "", wrong)]
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert [(row.reference, row.expires_at) for row in shop.rows(PaymentSource)] == [
        ("a", epoch),
        ("c", epoch.replace(microsecond=10)),
    ]


def test_only_the_row_that_the_database_refuses_is_rejected(shop, write_csv, run_import):
    with begin() as db:
        if db.dialect.name == "sqlite":
            db.exec_driver_sql(
                "CREATE TRIGGER no_bob BEFORE INSERT ON customers WHEN NEW.profile_id = 'secret' "
                "BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        else:
            db.exec_driver_sql(
                "ALTER TABLE customers ADD CONSTRAINT no_bob CHECK (profile_id <> 'secret')"
            )
    rows = [{"email": f"{n}@shop.example", "profile_id": "x"} for n in range(10)]
    rows[6]["profile_id"] = "secret"
    path = write_csv("customers.csv", rows)

    imported = run_import(path)

    assert imported.counts == {"customers.csv": (9, 0, 1)}
    ((line, column, reason),) = imported.rejects
    assert (line, column) == (8, "")
    assert reason.startswith("was refused by the database (")
    assert "secret" not in reason


def test_the_rejects_contain_no_values(shop, write_csv, run_import, tmp_path):
    path = write_csv(
        "payment_sources.csv",
        [
            {
                "reference": "card",
                "payment_source_type": "stripe_payments",
                "payment_source_token": "pm_secret",
                "name": "ann@shop.example",
                "expires_at": "soon-secret",
            },
            {
                "reference": "",
                "payment_source_type": "",
                "payment_source_token": "pm_secret",
                "name": "ann@shop.example",
                "expires_at": "2020-99-99T00:00Z",
            },
        ],
    )

    imported = run_import(path)

    assert imported.counts == {"payment_sources.csv": (0, 0, 2)}
    message = (tmp_path / "rejects.csv").read_text()
    assert message.startswith("file,line,column,reason\npayment_sources.csv,2,expires_at,")
    assert "secret" not in message
    assert "shop.example" not in message


def test_a_rejects_file_is_made_with_its_first_reject_and_in_the_order_of_the_lines(tmp_path):
    rejects_file = new_rejects_file(tmp_path / "new" / "rejects.csv", [])

    rejects_file.write("orders.csv", [])
    untouched = rejects_file.path.exists()
    rejects_file.write("orders.csv", [Reject(9, "b", "late"), Reject(2, "a\udcff", "early")])
    rejects_file.write("skus.csv", [Reject(3, "", "commas, and so on")])

    assert not untouched
    assert rejects_file.path.read_text().splitlines() == [
        "file,line,column,reason",
        "orders.csv,2,a\\udcff,early",
        "orders.csv,9,b,late",
        'skus.csv,3,,"commas, and so on"',
    ]


def test_rejects_of_an_earlier_import_are_replaced_and_nothing_else_is(tmp_path):
    earlier, orders = tmp_path / "rejects.csv", tmp_path / "orders.csv"
    RejectsFile(earlier).write("orders.csv", [Reject(2, "a", "wrong")])
    orders.write_text("number\n")

    new_rejects_file(earlier, [orders])

    assert not earlier.exists()
    with pytest.raises(InvalidRequest, match="which is to be imported"):
        new_rejects_file(orders, [orders])
    with pytest.raises(InvalidRequest, match="it exists and is no rejects file"):
        new_rejects_file(orders, [])
    with pytest.raises(InvalidRequest, match="it exists and is no rejects file"):
        new_rejects_file(tmp_path, [])
    assert orders.read_text() == "number\n"


def test_an_unwritable_rejects_file_is_an_error(tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    rejects_file = new_rejects_file(in_the_way / "rejects.csv", [])

    with pytest.raises(InvalidRequest, match="give another path and import again"):
        rejects_file.write("orders.csv", [Reject(2, "a", "wrong")])
    with pytest.raises(InvalidRequest, match="cannot be written to .*: File name too long"):
        new_rejects_file(tmp_path / ("n" * 300), [])
