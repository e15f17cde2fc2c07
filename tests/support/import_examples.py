"""One row per resource with every column given, and the smallest order that can be imported."""

from typing import Any

CUSTOMER: dict[str, Any] = {
    "email": "ann@shop.example",
    "status": "repeat",
    "shopper_reference": "shopper-1",
    "profile_id": "profile-1",
    "tax_exemption_code": "EXEMPT",
}
ADDRESS: dict[str, Any] = {
    "reference": "home",
    "business": True,
    "first_name": "Ann",
    "last_name": "Example",
    "company": "Example Ltd",
    "line_1": "1 Example Street",
    "line_2": "Floor 2, door 3",
    "city": "Exampleville",
    "zip_code": "00012",
    "state_code": "OH",
    "country_code": "US",
    "phone": "+1 555 0100",
    "email": "ann@home.example",
    "notes": "Ring twice,\nthen wait",
    "lat": 39.96,
    "lng": -83.0,
    "billing_info": "VAT 123",
}
SKU: dict[str, Any] = {
    "code": "MUG",
    "name": "Mug",
    "description": "A mug, white",
    "image_url": "https://img.example/mug.png",
    "do_not_ship": True,
    "do_not_track": True,
    "purchasable": False,
}
STOCK_ITEM: dict[str, Any] = {"sku_code": "MUG", "stock_location": "main", "quantity": 12}
PAYMENT_METHOD: dict[str, Any] = {
    "reference": "card",
    "name": "Card",
    "payment_source_type": "stripe_payments",
    "gateway": "stripe",
    "currency_code": "EUR",
    "price_amount_cents": 150,
    "disabled_at": "2026-01-01T00:00:00Z",
}
PAYMENT_SOURCE: dict[str, Any] = {
    "reference": "ann-card",
    "payment_source_type": "stripe_payments",
    "gateway": "stripe",
    "name": "XXXX-XXXX-XXXX-1111",
    "customer_token": "cus_example_1",
    "payment_source_token": "pm_example_1",
    "expires_at": "2099-12-31T00:00:00+00:00",
}
WALLET: dict[str, Any] = {
    "customer_email": "ann@shop.example",
    "payment_source": "ann-card",
    "payment_method": "card",
    "is_default": True,
    "name": "Ann's card",
    "customer_token": "cus_example_1",
    "payment_source_token": "pm_example_1",
}
PRICE: dict[str, Any] = {
    "sku_code": "MUG",
    "currency_code": "EUR",
    "amount_cents": 1250,
    "compare_at_amount_cents": 1500,
}
PROMOTION: dict[str, Any] = {
    "reference": "spring",
    "type": "percentage_discount_promotions",
    "name": "Spring",
    "currency_code": "EUR",
    "exclusive": True,
    "priority": 2,
    "starts_at": "2026-03-01T00:00:00Z",
    "expires_at": "2026-06-01T00:00:00Z",
    "disabled_at": "2026-05-01T00:00:00Z",
    "total_usage_limit": 1000,
    "total_usage_count": 17,
    "percentage": 10,
    "fixed_amount_cents": None,
    "order_amount_cents": 5000,
    "sku_list": "Drinkware",
    "coupon_required": True,
}
COUPON: dict[str, Any] = {
    "code": "SPRING",
    "promotion": "spring",
    "customer_single_use": True,
    "usage_limit": 100,
    "usage_count": 3,
    "recipient_email": "ann@shop.example",
    "expires_at": "2026-05-01T00:00:00Z",
}
GIFT_CARD: dict[str, Any] = {
    "code": "GIFT-1",
    "status": "inactive",
    "currency_code": "EUR",
    "initial_balance_cents": 5000,
    "balance_cents": 1250,
    "single_use": True,
    "expires_at": "2027-05-01T00:00:00Z",
}
ORDER: dict[str, Any] = {
    "number": "1001",
    "status": "placed",
    "payment_status": "paid",
    "fulfillment_status": "fulfilled",
    "customer": "ann@shop.example",
    "guest": False,
    "customer_email": "orders@ann.example",
    "market_name": "Europe",
    "language_code": "en",
    "notes": "Ring twice",
    "currency_code": "EUR",
    "country_code": "IT",
    "shipping_country_code_lock": "IT",
    "tax_included": False,
    "tax_rate": 0.22,
    "coupon_code": "SPRING",
    "gift_card_code": "GIFT-1",
    "subtotal_amount_cents": 2500,
    "shipping_amount_cents": 500,
    "payment_method_amount_cents": 150,
    "discount_amount_cents": -300,
    "adjustment_amount_cents": 50,
    "gift_card_amount_cents": 100,
    "total_tax_amount_cents": 638,
    "total_amount_cents": 2900,
    "total_amount_with_taxes_cents": 3538,
    "billing_address": "home",
    "shipping_address": "home",
    "payment_method": "card",
    "payment_source": "ann-card",
    "placed_at": "2026-01-15T13:00:00+01:00",
    "approved_at": "2026-01-15T12:30:00Z",
    "cancelled_at": "2026-01-16T00:00:00.123456Z",
}
LINE: dict[str, Any] = {
    "order_number": "1001",
    "reference": "1",
    "item_type": "bundles",
    "sku_code": "NO-LONGER-SOLD",
    "bundle_code": "SET",
    "name": "Mug, white",
    "image_url": "https://img.example/mug.png",
    "quantity": 2,
    "currency_code": "EUR",
    "unit_amount_cents": 1250,
    "compare_at_amount_cents": 1500,
    "options_amount_cents": 200,
    "discount_cents": -100,
    "tax_amount_cents": 550,
    "total_amount_cents": 2500,
    "tax_rate": 0.22,
    "discount_breakdown": {"spring": {"cents": -100}},
    "tax_breakdown": {"vat": 0.22},
    "frequency": "monthly",
    "coupon_code": "SPRING",
}
OPTION: dict[str, Any] = {
    "order_number": "1001",
    "line_item": "1",
    "reference": "wrap",
    "name": "Gift wrap",
    "quantity": 1,
    "currency_code": "EUR",
    "unit_amount_cents": 200,
    "total_amount_cents": 200,
    "delay_hours": 24,
    "options": {"colour": "red \U0001f381"},
}
_OWN = {"reference_origin": "old shop", "metadata": {"nested": {"list": ["one", "two"]}}}
# Every resource with every column, in no particular order: an import sorts them.
EVERYTHING: dict[str, dict[str, Any]] = {
    "line_item_options": OPTION | _OWN,
    "line_items": LINE | _OWN,
    "orders": ORDER | {"reference": "order ref"} | _OWN,
    "customer_payment_sources": WALLET | {"reference": "wallet ref"} | _OWN,
    "payment_sources": PAYMENT_SOURCE | _OWN,
    "payment_methods": PAYMENT_METHOD | _OWN,
    "stock_items": STOCK_ITEM | {"reference": "stock ref"} | _OWN,
    "coupons": COUPON | {"reference": "coupon ref"} | _OWN,
    "promotions": PROMOTION | _OWN,
    "gift_cards": GIFT_CARD | {"reference": "gift card ref"} | _OWN,
    "bundle_items": {"bundle": "KIT", "sku_code": "MUG", "quantity": 2, "reference": "part ref"}
    | _OWN,
    "bundles": {"code": "KIT", "name": "Kit", "do_not_ship": True, "reference": "bundle ref"}
    | _OWN,
    "sku_list_items": {"sku_list": "Drinkware", "sku_code": "MUG", "reference": "item ref"} | _OWN,
    "sku_lists": {"name": "Drinkware", "reference": "list ref"} | _OWN,
    "prices": PRICE | {"reference": "price ref"} | _OWN,
    "skus": SKU | {"reference": "sku ref"} | _OWN,
    "addresses": ADDRESS | _OWN,
    "customers": CUSTOMER | {"reference": "customer ref"} | _OWN,
}


def make_plain_order(number: str, **values: Any) -> dict[str, Any]:
    """A guest's order with the required columns only."""
    return {"number": number, "currency_code": "EUR", "total_amount_cents": 0, **values}


def make_plain_line(order_number: str, reference: str, **values: Any) -> dict[str, Any]:
    line = {"order_number": order_number, "reference": reference, "sku_code": "MUG"}
    return {**line, "quantity": 1, "total_amount_cents": 12_50, **values}
