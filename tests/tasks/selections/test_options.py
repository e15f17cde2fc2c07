"""The options of each copy: given by the row, and where it says nothing by the call."""

import pandas as pd
import pytest

from order_factory.models.database.engine import begin
from order_factory.models.errors import InvalidRequest, SelectionInvalid
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.tables import OrderFactory
from order_factory.models.values.copy_options import CHANGES, OPTIONS
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.models.values.statuses import Mode
from order_factory.models.values.stock_policies import StockPolicy
from order_factory.tasks.selections.checking import check_selection
from order_factory.tasks.selections.reading import read_selection
from order_factory.tasks.selections.recording import record_rows
from tests.support.copying import find_or_record

OTHER = {name: name != "reuse_wallet" for name in OPTIONS} | {
    "stock": "ignore",
    "gift_cards": "fail",
    "payment_source_fallback": "off",
    "keep_metadata": "keys:color",
    "keep_references": "all",
    "repeat_skus": "GIFT=once",
    "quantities": {"MUG": 3},
    "swap_skus": {"OLD": "NEW"},
    "add_lines": {"CAP": 2},
    "target_customer": "ada@shop.example",
    "target_billing_address": public_id(Resource.addresses, 7),
    "target_shipping_address": public_id(Resource.addresses, 8),
    "target_market": "Europe",
    "target_currency": "USD",
    "target_notes": "Ring twice",
    "merge_into": "1002",
}
# As a person writes them in a file.
WRITTEN = {
    "repeat_skus": "GIFT=once",
    "quantities": "MUG=3",
    "swap_skus": "OLD=NEW",
    "add_lines": "CAP=2",
    **{name: str(value) for name, value in OTHER.items() if name.startswith(("target_", "merge_"))},
}


def read_options(shop):
    """The options of each recorded factory, in their order."""
    return [
        {name: row._mapping[name] for name in (*OPTIONS, *CHANGES)}
        for row in shop.rows(OrderFactory)
    ]


def test_a_row_of_a_file_can_have_its_own_options(shop, tmp_path):
    for number in ("A1", "A2", "A3"):
        shop.order(number=number)
    path = tmp_path / "orders.csv"
    columns = [name for name in (*OPTIONS, *CHANGES) if name != "skip_errors"]
    own = ",".join(WRITTEN.get(name, str(OTHER[name]).lower()) for name in columns)
    path.write_text(
        f"source_order,{','.join(columns)}\nA1,{own}\nA2{',' * len(columns)}\nA3,{own}\n"
    )
    options = CopyOptions(skip_errors=True, stock=StockPolicy.TAKE)

    find_or_record("night", options, orders=str(path))

    assert read_options(shop) == [OTHER, options.choices(), OTHER]


def test_options_without_a_column_apply_to_all_rows(shop):
    shop.order(number="A1")

    find_or_record("night", CopyOptions.model_validate(OTHER), orders=["A1"])

    assert read_options(shop) == [OTHER]


def test_another_option_is_another_request(shop):
    shop.order(number="A1")
    first = find_or_record("night", CopyOptions(), orders=["A1"])

    assert find_or_record("night", CopyOptions(), orders=["A1"]) == first
    with pytest.raises(InvalidRequest, match="was recorded with other options"):
        find_or_record("night", CopyOptions(stock=StockPolicy.IGNORE), orders=["A1"])


def test_an_unknown_stock_policy_is_refused(shop):
    shop.order(number="A1")
    rows = pd.DataFrame({"source_order": ["A1"], "stock": ["some"]})

    with pytest.raises(SelectionInvalid) as refused:
        find_or_record("night", CopyOptions(), orders=rows)

    assert refused.value.args[1] == ["row 1, stock: take or partial or ignore is expected"]
    assert shop.rows(OrderFactory) == []


def test_numbers_are_those_of_the_mode(shop):
    live = shop.order(number="7")
    test = shop.order(number="7", mode="test", customer_id=shop.customer(mode="test"))

    with begin() as db:
        for reference, mode in (("live", Mode.LIVE), ("test", Mode.TEST)):
            record_rows(db, reference, check_selection(read_selection(["7"]), CopyOptions(), mode))

    copies = shop.rows(OrderFactory)
    assert [(copy.mode, copy.source_order_id) for copy in copies] == [
        ("live", live),
        ("test", test),
    ]
