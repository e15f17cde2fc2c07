"""The number of statements: copies run only those that they need, for any number of orders."""

import re

from order_factory.models.database.engine import get_engine
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.tables import Order
from tests.support.copying import change, copy_batch, make_batch, record_statements, request_copy

OWN_TABLES = re.compile(
    r"\b(promotions|coupons|prices|sku_lists?|tmp_(new_prices|copy_coupons|coupon\w*|discountable|candidates|granted))\b"
)


def test_a_plain_batch_reads_no_promotion_or_price_tables(shop):
    shop.promotion()
    shop.coupon("SPRING")
    shop.price("MUG", 14_00)
    batch = make_batch([request_copy(shop.order())])

    with record_statements() as executed:
        copy_batch(batch)

    # The options of the copies bear such names, too.
    options = re.compile("|".join(CopyOptions.model_fields))
    assert [each for each in executed if OWN_TABLES.search(options.sub("", each))] == []


# With the statements for claims, savepoints and temporary tables. Whoever needs one more must have
# a good reason: each costs a single copy as much time as a part of thousands.
_FEW_STATEMENTS = {"sqlite": 52, "postgresql": 54}


def test_a_part_without_special_needs_has_few_statements(shop):
    copy_batch(make_batch([request_copy(shop.order())]))  # makes the connection's temporary tables
    batch = make_batch([request_copy(shop.order()), request_copy(shop.order())])

    with record_statements() as executed:
        copy_batch(batch)

    assert len(executed) <= _FEW_STATEMENTS[get_engine().dialect.name]


def test_the_number_of_statements_does_not_grow_with_the_orders(shop):
    shop.promotion()
    shop.promotion(percentage=20, total_usage_limit=1)
    shop.coupon("SPRING", usage_limit=1)
    shop.price("MUG", 14_00)
    source, deleted = (shop.order(lines=[("MUG", 3, 3_33), ("CAP", 1, 1_00)]) for _ in range(2))
    change(Order, [source], coupon_code="SPRING")
    options = {"skip_errors": True, "apply_promotions": True, "refresh_prices": True}

    def statements(orders):
        batch = make_batch([request_copy(order, **options) for order in orders])
        with record_statements() as executed:
            copy_batch(batch)
        return len(executed)

    few = statements([source, source, deleted, deleted])
    many = statements([source, deleted] * 25)
    assert many <= few
