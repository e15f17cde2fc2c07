"""The filters, compared with a model in plain Python, on both databases."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from order_factory.api.query.filters import parse_filter
from order_factory.api.resources.registry import RESOURCES
from order_factory.models.database.engine import begin, reading
from order_factory.models.database.json_containment import contains
from order_factory.models.tables import Customer, Order, OrderFactory
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.tasks.working_set.statements import table_of

pytestmark = pytest.mark.slow

ORDERS = RESOURCES["orders"]
TEXTS = ["", "a", "A", "ab", "a%b", "a_b", "é", "É", "b\\", "zz", "ba"]
TIMES = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)]
OBJECTS = [{}, {"a": 1}, {"a": 1, "b": [1, {"c": "x"}]}, {"a": True}, {"a": None}, {"b": [1, 2]}]
_LOWER = str.maketrans({chr(n): chr(n + 32) for n in range(65, 91)})


def text():
    return st.none() | st.sampled_from(TEXTS)


orders = st.fixed_dictionaries(
    {
        "reference": text(),
        "coupon_code": text(),
        "total_amount_cents": st.integers(-2, 2),
        "tax_rate": st.none() | st.sampled_from([0.0, 0.5, 1.0]),
        "guest": st.booleans(),
        "placed_at": st.none() | st.sampled_from(TIMES),
        "metadata": st.none() | st.sampled_from(OBJECTS),
        "mode": st.sampled_from(["test", "test", "live"]),
        "customer": st.none() | st.integers(0, 2),
        "copies": st.lists(text(), max_size=2),
    }
)
customers = st.lists(
    st.fixed_dictionaries({"reference": text(), "mode": st.sampled_from(["test", "live"])}),
    min_size=3,
    max_size=3,
)


def lower(words):
    return words.translate(_LOWER)


def like(value, pattern):
    """Whether SQL's LIKE fits, whatever the case of ASCII letters; `\\` escapes."""
    parts = re.findall(r"\\.|%|_|[^\\%_]", lower(pattern), re.DOTALL)
    wild = {"%": ".*", "_": "."}
    words = "".join(wild.get(part) or re.escape(part.removeprefix("\\")) for part in parts)
    return re.fullmatch(words, lower(value), re.DOTALL) is not None


# What each matcher makes of a value that is there. Null fits none of these.
ONE = {
    "eq": lambda held, value: held == value,
    "not_eq": lambda held, value: held != value,
    "lt": lambda held, value: held < value,
    "lteq": lambda held, value: held <= value,
    "gt": lambda held, value: held > value,
    "gteq": lambda held, value: held >= value,
    "matches": like,
    "start": lambda held, value: lower(held).startswith(lower(value)),
    "end": lambda held, value: lower(held).endswith(lower(value)),
    "cont": lambda held, value: lower(value) in lower(held),
}


def opposite_of(holds):
    return lambda held, value: not holds(held, value)


ONE |= {
    opposite: opposite_of(ONE[name])
    for name, opposite in (
        ("matches", "does_not_match"),
        ("start", "not_start"),
        ("end", "not_end"),
        ("cont", "not_cont"),
    )
}
WORDS = {name for name in ONE if re.search("match|start|end|cont", name)}


def fits(name, held, values):
    """Whether the matcher holds for a value that may be None."""
    if name in ("null", "not_null", "blank", "present"):
        empty = held is None or (held == "" and name in ("blank", "present"))
        return empty == (values[0] == (name in ("null", "blank")))
    if name.endswith("_or_null"):
        return held is None or fits(name.removesuffix("_or_null"), held, values)
    if held is None:
        return False
    if name in ("true", "false"):
        return held == (values[0] == (name == "true"))
    if name == "jcont":
        return contains(held, values[0])
    if name in ("in", "not_in"):
        return (held in values) == (name == "in")
    if name.endswith("_any"):
        return any(ONE[name.removesuffix("_any")](held, each) for each in values)
    if name.endswith("_all"):
        return all(ONE[name.removesuffix("_all")](held, each) for each in values)
    return ONE[name](held, values[0])


def predicate_for(attribute, values, names, written=str):
    """An attribute with a matcher that takes one value, or several where none holds a comma."""
    several = [name for name in names if re.search("_any|_all|^in|^not_in", name)]
    single = [name for name in names if name not in several]
    one = st.tuples(st.just(attribute), st.sampled_from(single), values.map(lambda v: [v]))
    predicates = one
    if several:
        many = st.lists(values, min_size=1, max_size=3)
        predicates |= st.tuples(st.just(attribute), st.sampled_from(several), many)
    return predicates.map(lambda made: (*made, ",".join(written(each) for each in made[2])))


def forms(*names):
    return [f"{name}{form}" for name in names for form in ("", "_any", "_all")]


def or_null(*names):
    return [f"{name}_or_null" for name in names]


COMPARISONS = ["eq", "not_eq", "lt", "lteq", "gt", "gteq"]
PLAIN = [*forms(*COMPARISONS), "in", "not_in", *or_null(*COMPARISONS, "in", "not_in")]
FLAGS = ["null", "not_null", "blank", "present"]
escaped = st.sampled_from(
    [each for each in TEXTS if not each.endswith("\\")] + ["%", "_%", r"a\%b"]
)


def flags(attribute):
    return predicate_for(attribute, st.booleans(), FLAGS, lambda value: str(value).lower())


def make_text_predicates(attribute):
    words = sorted(WORDS - {"matches", "does_not_match"})
    return (
        predicate_for(attribute, st.sampled_from(TEXTS), [*PLAIN, *forms(*words)])
        | predicate_for(attribute, escaped, forms("matches", "does_not_match"))
        | flags(attribute)
    )


predicates = st.one_of(
    make_text_predicates("reference"),
    make_text_predicates("reference_or_coupon_code"),
    make_text_predicates("customer_reference"),
    make_text_predicates("order_copies_reference"),
    make_text_predicates("reference_or_customer_reference"),
    make_text_predicates("order_copies_source_order_customer_reference"),
    predicate_for("total_amount_cents", st.integers(-2, 2), PLAIN),
    predicate_for("tax_rate", st.sampled_from([0.0, 0.5, 1.0]), PLAIN),
    flags("tax_rate"),
    predicate_for("placed_at", st.sampled_from(TIMES), PLAIN, lambda value: value.isoformat()),
    flags("placed_at"),
    predicate_for(
        "guest", st.booleans(), ["true", "false", "eq", "not_eq"], lambda v: str(v).lower()
    ),
    predicate_for("metadata", st.sampled_from(OBJECTS), ["jcont"], json.dumps),
    predicate_for("metadata", st.booleans(), ["null", "not_null"], lambda v: str(v).lower()),
)


def find_values(part, order, shoppers):
    """The values that an attribute has for an order: one, or one for each related row."""
    customer = shoppers[order["customer"]] if order["customer"] is not None else None
    visible = customer if customer and customer["mode"] == "test" else None
    if part == "customer_reference":
        return [] if visible is None else [visible["reference"]]
    if part == "order_copies_reference":
        return order["copies"]
    if part == "order_copies_source_order_customer_reference":
        return [] if visible is None else [visible["reference"] for _ in order["copies"]]
    return [order[part]]


def finds_nothing(name, values):
    """Whether the matcher holds where there is no related row at all."""
    return fits(name, None, values)


def expected(order, shoppers, attribute, name, values):
    if order["mode"] != "test":
        return False
    for part in attribute.split("_or_"):
        value = find_values(part, order, shoppers)
        if any(fits(name, each, values) for each in value):
            return True
        if not value and finds_nothing(name, values):
            return True
        several = part == "order_copies_source_order_customer_reference"
        if several and value == [] and order["copies"] and finds_nothing(name, values):
            return True
    return False


def store(rows, shoppers):
    """Replace the shop's rows; the orders' keys, in order."""
    with begin() as db:
        for table in (OrderFactory, Order, Customer):
            db.execute(delete(table))
        keys = [
            db.scalar(
                insert(Customer).values(email=f"{n}@shop.example", **each).returning(Customer.id)
            )
            for n, each in enumerate(shoppers)
        ]
        stored = []
        for row in rows:
            own = {name: value for name, value in row.items() if name not in ("customer", "copies")}
            own["customer_id"] = None if row["customer"] is None else keys[row["customer"]]
            made = insert(table_of(Order)).values(currency_code="EUR", **own)
            stored.append(db.scalar(made.returning(table_of(Order).c.id)))
            for reference in row["copies"]:
                values = {
                    "source_order_id": stored[-1],
                    "reference": reference,
                    "mode": row["mode"],
                }
                db.execute(insert(OrderFactory).values(values))
    return stored


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(orders, min_size=1, max_size=6),
    customers,
    st.lists(predicates, min_size=1, max_size=12),
)
def test_filters_find_what_the_model_finds(shop, rows, shoppers, cases):
    keys = store(rows, shoppers)

    for attribute, name, values, written in cases:
        condition = parse_filter(ORDERS, "filter", f"{attribute}_{name}", written)
        table = ORDERS.table
        with reading() as db:
            matching_keys = db.scalars(
                select(table.c.id).where(ORDERS.scope(table, "test"), condition(table, "test"))
            ).all()

        matching = [
            key
            for key, row in zip(keys, rows, strict=True)
            if expected(row, shoppers, attribute, name, values)
        ]
        assert sorted(matching_keys) == matching, (attribute, name, written)


def test_several_filters_all_hold(api, shop):
    matching = shop.order(mode="test", coupon_code="A", guest=True)
    shop.order(mode="test", coupon_code="A")
    shop.order(mode="test", coupon_code="B", guest=True)

    ids = api.list_ids("orders", coupon_code_eq="A", guest_true="1")

    assert ids == [public_id(Resource.orders, matching)]


@pytest.mark.parametrize(
    ("predicate", "value"),
    [
        ("id_eq", None),
        ("id_in", "nonsensical,{id}"),
        ("line_items_sku_code_in", "CAP,MUG"),
        ("line_items_order_id_eq", None),
        ("number_or_reference_matches_any", "%nothing%,10__"),
        ("created_at_gt", (datetime.now(UTC) - timedelta(days=1)).date().isoformat()),
        ("customer_email_end", "@SHOP.example"),
    ],
)
def test_filters_accept_the_predicates_of_the_reference(api, shop, predicate, value):
    key = shop.order(mode="test", customer_id=shop.customer(mode="test"))
    name = public_id(Resource.orders, key)

    assert api.list_ids("orders", **{predicate: (value or name).format(id=name)}) == [name]
