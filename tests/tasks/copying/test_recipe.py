"""The recipe: each step reports its own errors."""

from order_factory.models.values.error_codes import ErrorCode
from order_factory.tasks.copying.recipe import STEPS
from order_factory.tasks.working_set.step import Step
from order_factory.tasks.working_set.step_runs import find_reporting_step

# By their keys. The check step reports the rest, which belong to the order as a whole.
REPORTED_BY = {
    "customer": "copy customers",
    "target_customer": "copy customers",
    "target_billing_address": "copy addresses",
    "target_shipping_address": "copy addresses",
    "target_currency": "copy orders",
    "merge_into": "copy line items",
    "billing_address": "copy addresses",
    "shipping_address": "copy addresses",
    "payment_source": "copy wallets",
    "line_items": "copy line items",
    "tax_rate": "copy line items",
    "quantities": "copy line items",
    "coupon_code": "apply promotions",
    "gift_card_code": "use gift cards",
    "status": "place target orders",
    "payment_method": "place target orders",
}
BY_CODE = {
    ErrorCode.SKU_WITHOUT_PRICE: "refresh prices",
    ErrorCode.PAYMENT_SOURCE_MISSING: "place target orders",
    ErrorCode.GATEWAY_NOT_SET_UP: "place target orders",
    ErrorCode.NOTHING_TO_BUY: "place target orders",
    ErrorCode.TOTAL_BELOW_ZERO: "place target orders",
    ErrorCode.SOURCE_ORDER_NOT_CANCELLED: "cancel source orders",
}


def test_every_error_is_reported_by_the_step_of_its_part_of_the_order():
    reported = {code: find_reporting_step(code.key, code) for code in ErrorCode}

    assert reported == {code: BY_CODE.get(code, REPORTED_BY.get(code.key)) for code in ErrorCode}
    steps = {step.name for step in STEPS if isinstance(step, Step)}
    assert {name for name in reported.values() if name} <= steps
