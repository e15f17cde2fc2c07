"""The rows that an import reads: one pydantic model per resource.

Names and meanings are those of the tables. Rows refer to other rows by natural keys (an email, a
code, a reference), never by ids. An empty cell is an omitted value.
"""

from typing import Self

from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError

from order_factory.models.requests.import_values import (
    Amount,
    Country,
    Currency,
    Deduction,
    Email,
    Key,
    Latitude,
    Longitude,
    NotNegative,
    NotNegativeAmount,
    Object,
    Percentage,
    Positive,
    PositiveAmount,
    Rate,
    SpreadsheetText,
    Text,
    Time,
    Whole,
)
from order_factory.models.tables.gift_cards import GiftCardStatus
from order_factory.models.tables.promotions import PromotionType
from order_factory.models.values.statuses import (
    CustomerStatus,
    FulfillmentStatus,
    ItemType,
    OrderStatus,
    PaymentStatus,
)


class ImportRow(BaseModel, frozen=True, extra="forbid", use_enum_values=True):
    """The caller's own attributes, which every resource may have."""

    reference: Key | None = Field(None, description="The caller's own name of the row.")
    reference_origin: Key | None = Field(None, description="The system that `reference` is from.")
    metadata: Object | None = Field(None, description="Any JSON object; in CSV its JSON text.")


class CustomerRow(ImportRow, frozen=True):
    """One customer, identified by `email`."""

    email: Email = Field(description="The customer's email address.")
    status: CustomerStatus = Field(CustomerStatus.PROSPECT, description="The customer's status.")
    shopper_reference: Text | None = Field(None, description="The name in an external wallet.")
    profile_id: Text | None = Field(None, description="The id in an external profile system.")
    tax_exemption_code: Text | None = Field(None, description="The tax exemption code.")


class AddressRow(ImportRow, frozen=True):
    """One address, identified by `reference`."""

    reference: Key = Field(description="The address's own name, which orders give.")
    business: bool = Field(False, description="Whether it is a company's address.")
    first_name: Text | None = Field(None, description="The first name.")
    last_name: Text | None = Field(None, description="The last name.")
    company: Text | None = Field(None, description="The company's name.")
    line_1: Text = Field(description="Street and number.")
    line_2: Text | None = Field(None, description="Building, floor, door.")
    city: Text = Field(description="The city.")
    zip_code: SpreadsheetText | None = Field(None, description="The postal code, as text.")
    state_code: Text | None = Field(None, description="The state, province or region.")
    country_code: Country = Field(description="ISO 3166 alpha-2, upper case.")
    phone: SpreadsheetText | None = Field(None, description="The phone number, as text.")
    email: Email | None = Field(None, description="An email address.")
    notes: Text | None = Field(None, description="A note for the delivery.")
    lat: Latitude | None = Field(None, description="Latitude in degrees.")
    lng: Longitude | None = Field(None, description="Longitude in degrees.")
    billing_info: SpreadsheetText | None = Field(None, description="A VAT number or the like.")


class SkuRow(ImportRow, frozen=True):
    """One product of the shop, identified by `code`."""

    code: Key = Field(description="The SKU's code.")
    name: Text = Field(description="The SKU's name.")
    description: Text | None = Field(None, description="A description.")
    image_url: Text | None = Field(None, description="Where a picture is.")
    do_not_ship: bool = Field(False, description="Whether it needs no shipping.")
    do_not_track: bool = Field(False, description="Whether its stock is not counted.")
    purchasable: bool = Field(True, description="Whether it is for sale.")


class BundleRow(ImportRow, frozen=True):
    """SKUs that are sold together; known by `code`."""

    code: Key = Field(description="The bundle's code, which lines give as `bundle_code`.")
    name: Text | None = Field(None, description="The bundle's name.")
    do_not_ship: bool = Field(False, description="Whether it needs no shipping.")


class BundleItemRow(ImportRow, frozen=True):
    """One SKU of a bundle; known by `bundle` and `sku_code`."""

    bundle: Key = Field(description="The code of an imported bundle.")
    sku_code: Key = Field(description="The SKU's code; it need not be in the catalogue.")
    quantity: Positive = Field(1, description="The pieces in one bundle, 1 or more.")


class StockItemRow(ImportRow, frozen=True):
    """The stock of one SKU at one location, identified by `sku_code` and `stock_location`."""

    sku_code: Key = Field(description="The code of a SKU of the catalogue.")
    stock_location: Key = Field(description="The location's code.")
    quantity: NotNegative = Field(description="The pieces there, zero or above.")


class PriceRow(ImportRow, frozen=True):
    """The current price of a SKU, identified by `sku_code` and `currency_code`."""

    sku_code: Key = Field(description="The code of a SKU of the catalogue.")
    currency_code: Currency = Field(description="ISO 4217, upper case.")
    amount_cents: NotNegativeAmount = Field(description="The price of one piece.")
    compare_at_amount_cents: NotNegativeAmount | None = Field(None, description="The price before.")


class SkuListRow(ImportRow, frozen=True):
    """A list of SKUs for promotions, identified by `name`."""

    name: Key = Field(description="The list's name, which promotions give.")


class SkuListItemRow(ImportRow, frozen=True):
    """One SKU of a list, identified by `sku_list` and `sku_code`."""

    sku_list: Key = Field(description="The name of an imported SKU list.")
    sku_code: Key = Field(description="The SKU's code; it need not be in the catalogue.")


class PromotionRow(ImportRow, frozen=True):
    """One promotion, identified by `reference`."""

    reference: Key = Field(description="The promotion's own name, which coupons give.")
    type: PromotionType = Field(description="What it takes off.")
    name: Text = Field(description="The name that customers see.")
    currency_code: Currency | None = Field(
        None,
        description="ISO 4217; only orders in this currency get it, or all if left out.",
    )
    exclusive: bool = Field(False, description="Whether it excludes all other promotions.")
    priority: Whole | None = Field(None, description="The lower, the earlier it applies.")
    starts_at: Time = Field(description="From when it applies.")
    expires_at: Time = Field(description="From when it no longer applies.")
    disabled_at: Time | None = Field(None, description="Since when it is disabled.")
    total_usage_limit: NotNegative | None = Field(None, description="How many orders may get it.")
    total_usage_count: NotNegative = Field(0, description="How many orders have got it.")
    percentage: Percentage | None = Field(
        None, description="What a percentage promotion takes off: 1 to 100."
    )
    fixed_amount_cents: PositiveAmount | None = Field(
        None, description="What a fixed amount promotion takes off."
    )
    order_amount_cents: NotNegativeAmount | None = Field(
        None, description="The least that the goods of an order must be worth."
    )
    sku_list: Key | None = Field(None, description="The name of an imported SKU list.")
    coupon_required: bool = Field(False, description="Whether only its coupons give it.")

    @model_validator(mode="after")
    def _amounts_fit_the_type(self) -> Self:
        message = []
        for kind, name in (
            (PromotionType.PERCENTAGE, "percentage"),
            (PromotionType.FIXED_AMOUNT, "fixed_amount_cents"),
        ):
            if (self.type == kind) != (getattr(self, name) is not None):
                message.append(f"{name} is given for {kind.value}, and only for them")
        amounts = (self.fixed_amount_cents, self.order_amount_cents)
        if self.currency_code is None and amounts != (None, None):
            message.append("amounts need a currency_code")
        if message:
            raise PydanticCustomError("promotion", "; ".join(message))
        return self


class CouponRow(ImportRow, frozen=True):
    """One coupon, identified by `code`."""

    code: Key = Field(description="The code that customers give.")
    promotion: Key = Field(description="The reference of an imported promotion.")
    customer_single_use: bool = Field(False, description="Whether a customer may use it only once.")
    usage_limit: NotNegative | None = Field(None, description="How many orders may use it.")
    usage_count: NotNegative = Field(0, description="How many orders have used it.")
    recipient_email: Email | None = Field(None, description="The only customer who may use it.")
    expires_at: Time | None = Field(None, description="From when it can no longer be used.")


class GiftCardRow(ImportRow, frozen=True):
    """One gift card; known by `code`. Amounts are cents of its `currency_code`."""

    code: Key = Field(description="The code that customers give.")
    status: GiftCardStatus = Field(GiftCardStatus.ACTIVE, description="Only an active card pays.")
    currency_code: Currency = Field(
        description="ISO 4217, upper case; the card pays only for orders in this currency."
    )
    initial_balance_cents: NotNegativeAmount | None = Field(
        None, description="The balance at first; the same as balance_cents if left out."
    )
    balance_cents: NotNegativeAmount = Field(description="What is left on it today.")
    single_use: bool = Field(False, description="Whether it pays only once.")
    expires_at: Time | None = Field(None, description="From when it can no longer be used.")


class PaymentMethodRow(ImportRow, frozen=True):
    """One way to pay, identified by `reference`."""

    reference: Key = Field(description="The method's own name, which orders give.")
    name: Text | None = Field(None, description="The name that customers see.")
    payment_source_type: Key = Field(description="The kind of source, like `stripe_payments`.")
    gateway: Text | None = Field(None, description="The gateway that takes the payment.")
    currency_code: Currency | None = Field(None, description="ISO 4217; the currency of the price.")
    price_amount_cents: Amount = Field(0, description="What paying this way costs, in cents.")
    disabled_at: Time | None = Field(None, description="Since when it is not offered.")


class PaymentSourceRow(ImportRow, frozen=True):
    """A card or an account at a gateway, identified by `reference`."""

    reference: Key = Field(description="The source's own name, which orders and wallets give.")
    payment_source_type: Key = Field(description="The kind of source, like `stripe_payments`.")
    gateway: Text | None = Field(None, description="The gateway that knows the tokens.")
    name: Text | None = Field(None, description="A masked name, like XXXX-XXXX-XXXX-1111.")
    customer_token: Text | None = Field(None, description="The gateway's token of the customer.")
    payment_source_token: Text | None = Field(None, description="The gateway's token of the card.")
    expires_at: Time | None = Field(None, description="From when it can no longer be used.")


class CustomerPaymentSourceRow(ImportRow, frozen=True):
    """A wallet entry, identified by `customer_email` and `payment_source`."""

    customer_email: Email = Field(description="The email of an imported customer.")
    payment_source: Key = Field(description="The reference of an imported payment source.")
    payment_method: Key | None = Field(None, description="The reference of a payment method.")
    is_default: bool = Field(False, description="Whether the customer prefers it.")
    name: Key | None = Field(None, description="The name of the entry.")
    customer_token: Text | None = Field(None, description="The gateway's token of the customer.")
    payment_source_token: Text | None = Field(None, description="The gateway's token of the card.")


class OrderRow(ImportRow, frozen=True):
    """One order, identified by `number`. Amounts are cents of its `currency_code`."""

    number: Key = Field(description="The order's number, as text.")
    status: OrderStatus = Field(OrderStatus.DRAFT, description="The order's status.")
    payment_status: PaymentStatus = Field(PaymentStatus.UNPAID, description="How far it is paid.")
    fulfillment_status: FulfillmentStatus = Field(
        FulfillmentStatus.UNFULFILLED, description="How far it is shipped."
    )
    customer: Email | None = Field(
        None, description="The email of an imported customer; none for a guest's order."
    )
    guest: bool | None = Field(
        None,
        description="Whether a guest ordered; if left out, true for an order without a customer.",
    )
    customer_email: Email | None = Field(
        None, description="Where mail about the order goes; the customer's email if left out."
    )
    market_name: Text | None = Field(None, description="The market's name.")
    language_code: Text | None = Field(None, description="The language, like `en`.")
    notes: Text | None = Field(None, description="What the customer wishes.")
    currency_code: Currency = Field(description="ISO 4217, upper case.")
    country_code: Country | None = Field(None, description="ISO 3166 alpha-2, upper case.")
    shipping_country_code_lock: Country | None = Field(
        None, description="The only country that it may ship to."
    )
    tax_included: bool = Field(True, description="Whether the amounts include the taxes.")
    tax_rate: Rate | None = Field(None, description="The tax rate: 0.22 for 22 percent.")
    coupon_code: SpreadsheetText | None = Field(None, description="The coupon that was used.")
    gift_card_code: SpreadsheetText | None = Field(None, description="The gift card that was used.")
    subtotal_amount_cents: Amount = Field(0, description="The goods.")
    shipping_amount_cents: Amount = Field(0, description="The shipping.")
    payment_method_amount_cents: Amount = Field(0, description="The cost of paying.")
    discount_amount_cents: Deduction = Field(0, description="The discounts, zero or below.")
    adjustment_amount_cents: Amount = Field(0, description="The adjustments.")
    gift_card_amount_cents: NotNegativeAmount = Field(
        0, description="What gift cards paid, zero or above."
    )
    total_tax_amount_cents: Amount = Field(0, description="The taxes.")
    total_amount_cents: Amount = Field(description="The sum of the line items' totals.")
    total_amount_with_taxes_cents: Amount | None = Field(
        None, description="The total with taxes; computed from total and taxes if left out."
    )
    billing_address: Key | None = Field(None, description="The reference of an address.")
    shipping_address: Key | None = Field(None, description="The reference of an address.")
    payment_method: Key | None = Field(None, description="The reference of a payment method.")
    payment_source: Key | None = Field(None, description="The reference of a payment source.")
    placed_at: Time | None = Field(None, description="When it was placed.")
    approved_at: Time | None = Field(None, description="When it was approved.")
    cancelled_at: Time | None = Field(None, description="When it was cancelled.")


class LineItemRow(ImportRow, frozen=True):
    """One line, identified by `order_number` and `reference`. Amounts are cents."""

    order_number: Key = Field(description="The number of an imported order.")
    reference: Key = Field(description="The line's own name, unique within its order.")
    item_type: ItemType = Field(ItemType.SKUS, description="The kind of the line.")
    sku_code: Key | None = Field(
        None, description="The SKU's code as it was; it need not be in the catalogue."
    )
    bundle_code: Key | None = Field(None, description="The bundle's code as it was.")
    name: Text | None = Field(None, description="The name as it was.")
    image_url: Text | None = Field(None, description="Where a picture is.")
    quantity: Whole = Field(description="The pieces, as they were; may be 0 or negative.")
    currency_code: Currency | None = Field(None, description="ISO 4217; the order's.")
    unit_amount_cents: Amount | None = Field(None, description="The price of one piece.")
    compare_at_amount_cents: Amount | None = Field(None, description="The price before.")
    options_amount_cents: Amount | None = Field(None, description="The options' prices.")
    discount_cents: Amount | None = Field(None, description="The discount on the line.")
    tax_amount_cents: Amount | None = Field(None, description="The tax.")
    total_amount_cents: Amount = Field(description="What it adds to the order's total.")
    tax_rate: Rate | None = Field(None, description="The tax rate: 0.22 for 22 percent.")
    discount_breakdown: Object | None = Field(None, description="JSON object; in CSV its text.")
    tax_breakdown: Object | None = Field(None, description="JSON object; in CSV its text.")
    frequency: Text | None = Field(None, description="How often it recurs, like `monthly`.")
    coupon_code: SpreadsheetText | None = Field(
        None, description="The coupon that gave the discount."
    )


class LineItemOptionRow(ImportRow, frozen=True):
    """An extra of a line, identified by `order_number`, `line_item` and `reference`."""

    order_number: Key = Field(description="The number of an imported order.")
    line_item: Key = Field(description="The reference of a line item of that order.")
    reference: Key = Field(description="The option's own name, unique within its line.")
    name: Text | None = Field(None, description="The option's name.")
    quantity: Whole = Field(description="The pieces.")
    currency_code: Currency | None = Field(None, description="ISO 4217; the order's.")
    unit_amount_cents: Amount | None = Field(None, description="The price of one, in cents.")
    total_amount_cents: Amount | None = Field(None, description="The price of all, in cents.")
    delay_hours: Whole | None = Field(None, description="By how many hours it delays the delivery.")
    options: Object | None = Field(None, description="What the customer chose; JSON text in CSV.")
