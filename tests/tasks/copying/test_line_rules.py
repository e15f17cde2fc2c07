"""Lines that copies leave out or give today's price, because of their metadata or rules for SKUs."""

from datetime import timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import delete

from order_factory.models.database.engine import begin, reading
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.tables import LineItem, Order, OrderFactory, Sku
from order_factory.tasks.reports.differences import read_differences
from order_factory.tasks.verify import verify
from tests.support.copying import change, copy, copy_one, factory_of, target_of
from tests.support.subscriptions import START, run_due, subscribe

pytestmark = pytest.mark.usefixtures("verified")


def line_with(shop, order, metadata, **values):
    given = {"sku_code": "CAP", "total_amount_cents": 9_00, "unit_amount_cents": 9_00} | values
    key = shop.line(order, metadata=metadata, **given)
    shop.sum_up(order)
    return key


def origins(shop, order):
    return [line.copied_from_id for line in shop.rows(LineItem, order_id=order)]


@pytest.fixture
def source(shop):
    return shop.order(lines=[("MUG", 2, 12_50), ("CAP", 1, 9_00)])


@pytest.mark.parametrize("mark", [False, "once"])
@pytest.mark.parametrize("options", [{}, {"skip_errors": True}, {"apply_promotions": True}])
def test_it_is_left_out_of_every_copy(shop, source, mark, options):
    mug, cap = (line.id for line in shop.rows(LineItem, order_id=source))
    line_with(shop, source, {"repeat": mark, "why": "campaign"})
    line_with(shop, source, {"repeat": mark}, item_type="adjustments", sku_code=None)

    results = copy(source, source, source, **options)

    for result in results:
        assert (result.status, result.errors_log) == ("completed", None)
        target = shop.row(Order, id=target_of(result))
        assert origins(shop, target.id) == [mug, cap]
        assert target.total_amount_cents == 34_00
    assert shop.row(Order, id=source).total_amount_cents == 52_00


@pytest.mark.parametrize(
    "metadata", [None, {}, {"repeat": True}, {"repeat": "repeat"}, {"repeat": 0}]
)
def test_a_line_that_does_not_say_so_is_repeated(shop, source, metadata):
    line_with(shop, source, metadata)

    target = target_of(copy_one(target_of(copy_one(source, keep_metadata="none"))))

    assert len(origins(shop, target)) == 3


def test_nothing_is_wrong_with_a_copy_for_a_gift_that_is_gone(shop, source):
    gift = line_with(shop, source, {"repeat": False}, sku_code="GIFT")
    with begin() as db:
        db.execute(delete(Sku).where(Sku.code == "GIFT"))

    results, skipping = copy(source, source), copy_one(source, skip_errors=True)

    for result in (*results, skipping):
        assert (result.status, result.errors_log) == ("completed", None)
        assert gift not in origins(shop, target_of(result))


def test_an_order_of_nothing_else_is_not_copied(shop):
    order = shop.order(lines=[])
    line_with(shop, order, {"repeat": False})

    result = copy_one(order)

    assert result.status == "failed"
    assert result.errors_log == {"line_items": ["no line item is left to copy"]}


def test_an_address_is_not_needed_for_a_gift_alone(shop):
    order = shop.order(lines=[], shipping_address_id=None)
    shop.line(order, item_type="adjustments", sku_code=None, total_amount_cents=5_00)
    gift = line_with(shop, order, {"repeat": False})

    result = copy_one(order)

    assert (result.status, result.errors_log) == ("completed", None)
    assert gift not in origins(shop, target_of(result))


def test_the_differences_say_why_it_is_not_there(shop, source):
    line_with(shop, source, {"repeat": False}, quantity=3)
    factory = factory_of(copy_one(source))

    with reading() as db:
        differences = read_differences(db, OrderFactory.__table__.c.id == factory)[factory]

    (difference,) = [each for each in differences if each.part == "line_items"]
    assert (difference.what, difference.before, difference.after, difference.reason) == (
        "CAP",
        3,
        None,
        "metadata.repeat",
    )


def test_verify_finds_a_copy_of_it(shop, source):
    target = target_of(copy_one(source))
    cap = shop.rows(LineItem, order_id=source)[1]
    change(LineItem, cap.id, metadata_={"repeat": False}, updated_at=cap.updated_at)

    with reading() as db:
        broken = [each.name for each in verify(db).invariants if each.violations]

    assert "once-lines-left-out" in broken
    change(LineItem, cap.id, metadata_=None, updated_at=cap.updated_at)
    assert len(origins(shop, target)) == 2


# What each line is: its SKU, its metadata, its type, and its price in the source order.
LINES = [
    ("MUG", None, "skus", 10_00),
    ("CAP", {"repeat": False}, "skus", 20_00),
    ("TEE", {"repeat": "recompute"}, "skus", 30_00),
    ("CAP", {"repeat": True}, "skus", 40_00),
    (None, {"repeat": "recompute"}, "shipments", 5_00),
    (None, {"repeat": "recompute"}, "adjustments", 3_00),
    (None, {"repeat": "once"}, "adjustments", 2_00),
    (None, None, "adjustments", 1_00),
]
TODAY = {"MUG": 11_00, "CAP": 22_00, "TEE": 33_00}


def expect(rules, lines=LINES):
    """The lines of the copy and their totals, by the rules of `docs/how-to/copy-one-order.md`."""
    copied = []
    for place, (code, metadata, kind, cents) in enumerate(lines):
        mark = (metadata or {}).get("repeat", True)
        rule = rules.get(code) or {False: "once", True: "repeat"}.get(mark, mark)
        if rule == "recompute" and kind == "skus":
            copied.append((place, 2 * TODAY[code]))
        elif rule == "repeat":
            copied.append((place, 2 * cents if kind == "skus" else cents))
    return copied


@pytest.mark.parametrize(
    ("setting", "option", "rules"),
    [
        ("none", "default", {}),
        ("CAP=once", "default", {"CAP": "once"}),
        ("CAP=once", "none", {}),
        ("CAP=once", " MUG = recompute ,CAP=repeat", {"MUG": "recompute", "CAP": "repeat"}),
        (
            "none",
            "MUG=once,TEE=once,CAP=recompute,GONE=once",
            dict.fromkeys(["MUG", "TEE"], "once") | {"CAP": "recompute"},
        ),
    ],
)
def test_a_rule_for_the_sku_comes_before_the_metadata(monkeypatch, shop, setting, option, rules):
    for priced, today in TODAY.items():
        shop.price(priced, today)
    source = shop.order(lines=[])
    keys = []
    for code, metadata, kind, cents in LINES:
        quantity = 2 if kind == "skus" else 1
        key = shop.line(
            source,
            metadata=metadata,
            item_type=kind,
            sku_code=code,
            quantity=quantity,
            unit_amount_cents=cents,
            total_amount_cents=quantity * cents,
        )
        keys.append(key)
    shop.sum_up(source)
    monkeypatch.setenv("ORDER_FACTORY_REPEAT_SKUS", setting)

    result = copy_one(source, repeat_skus=option)
    monkeypatch.setenv("ORDER_FACTORY_REPEAT_SKUS", "MUG=once")

    assert (result.status, result.errors_log) == ("completed", None)
    target = shop.row(Order, id=target_of(result))
    lines = shop.rows(LineItem, order_id=target.id)
    expected = expect(rules)
    assert [
        (keys.index(line.copied_from_id), line.total_amount_cents) for line in lines
    ] == expected
    assert target.total_amount_cents == sum(cents for _, cents in expected)
    factory = factory_of(result)
    with reading() as db:
        differences = read_differences(db, OrderFactory.__table__.c.id == factory)[factory]
    left_out = [each for each in differences if each.part == "line_items"]
    assert len(left_out) == len(LINES) - len(expected)
    assert {each.reason for each in differences} <= {
        "metadata.repeat",
        "repeat_skus",
        "metadata.repeat or repeat_skus",
    }


def test_what_cannot_be_recomputed_is_an_error(shop):
    source = shop.order(lines=[("MUG", 1, 12_50)])
    shop.sku("CAP")
    line_with(shop, source, {"repeat": "recompute"})
    bundle = {"item_type": "bundles", "sku_code": None, "bundle_code": "KIT"}
    line_with(shop, source, None, **bundle)

    failed = copy_one(source, repeat_skus="KIT=recompute")
    skipped = copy_one(source, repeat_skus="KIT=recompute", skip_errors=True)

    messages = ["bundle KIT has no price of its own, so it cannot be recomputed"]
    assert failed.errors_log == {"line_items": [*messages, "SKU CAP has no price in EUR"]}
    target = shop.row(Order, id=target_of(skipped))
    assert (target.total_amount_cents, skipped.errors_log) == (12_50, failed.errors_log)


def test_a_changed_line_is_recomputed_too(shop):
    shop.price("CAP", 10_00)
    source = shop.order(lines=[("MUG", 1, 12_50), ("CAP", 1, 9_00)])
    options = {"repeat_skus": "CAP=recompute,MUG=once"}

    more = copy_one(source, quantities={"CAP": 3}, **options)
    swapped = copy_one(source, swap_skus={"MUG": "CAP"}, add_lines={"CAP": 1}, **options)

    assert shop.row(Order, id=target_of(more)).total_amount_cents == 30_00
    assert shop.row(Order, id=target_of(swapped)).total_amount_cents == 20_00


def test_renewals_follow_the_rules_of_their_subscription(shop):
    source = shop.order(lines=[("MUG", 1, 12_50), ("CAP", 1, 9_00)])
    subscription = subscribe(shop, source, repeat_skus="CAP=once", place_target_order=False)

    run_due(START + timedelta(days=40))

    (made,) = shop.rows(OrderFactory, order_subscription_id=subscription)
    assert shop.row(Order, id=made.target_order_id).total_amount_cents == 12_50


@pytest.mark.parametrize("wrong", ["GIFT", "GIFT=never", "=once", "A=once,A=repeat"])
def test_a_list_that_cannot_be_read_is_refused(wrong):
    with pytest.raises(ValidationError, match="repeat_skus"):
        CopyOptions(repeat_skus=wrong)
