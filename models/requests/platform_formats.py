"""The format of another platform's order export: the columns for each value of an order.

A format is a YAML file. Its names are those of the resources of an import.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError


class _Part(BaseModel, frozen=True, extra="forbid"):
    """A part of a format. Unknown names are refused."""


def _make_list(given: object) -> object:
    return [given] if isinstance(given, str) else given


Columns = Annotated[tuple[str, ...], BeforeValidator(_make_list)]


class ValueOf(_Part, frozen=True):
    """The origin of a value: the first column in `column` that is not blank, or a fixed `value`."""

    column: Columns = Field((), description="A column, or several: the first that has a value.")
    value: str | None = Field(None, description="The same value in every order.")
    strip: str = Field("", description="Characters to take away in front of the value.")
    prefix: str = Field("", description="Text to put in front of the value.")
    values: dict[str, str] | None = Field(
        None, description="What each value of the column means; letter case does not matter."
    )
    otherwise: str | None = Field(None, description="What any other value means.")

    @model_validator(mode="after")
    def _check_column_or_value(self) -> "ValueOf":
        if bool(self.column) == (self.value is not None):
            raise PydanticCustomError("value_of", "needs a column or a value, and not both")
        return self


def _make_value(given: object) -> object:
    return {"column": given} if isinstance(given, str | list) else given


Value = Annotated[ValueOf, BeforeValidator(_make_value)]


class OrderPart(_Part, frozen=True):
    """The values of an order, except for its amounts."""

    number: Value
    currency_code: Value
    status: Value
    payment_status: Value | None = None
    fulfillment_status: Value | None = None
    customer: Value | None = None
    reference: Value | None = None
    market_name: Value | None = None
    language_code: Value | None = None
    coupon_code: Value | None = None
    gift_card_code: Value | None = None
    payment_method: Value | None = None
    placed_at: Value | None = None
    cancelled_at: Value | None = None


class AmountsPart(_Part, frozen=True):
    """The columns of an order's amounts, in units with decimals such as 12.50."""

    total: Columns
    tax: Columns = ()
    subtotal: Columns = ()
    subtotal_is: Literal["before_discounts", "after_discounts"] = "before_discounts"
    shipping: Columns = ()
    shipping_tax: Columns = Field((), description="The part of the taxes that is the shipping's.")
    shipping_name: Columns = ()
    discount: Columns = ()
    discount_name: Columns = ()
    adjustments: dict[str, Columns] = Field(
        default_factory=dict, description="Other amounts that the total includes, by name."
    )
    payments: Columns = Field(
        (), description="What was paid with balances, and is missing in the total."
    )


class LinePart(_Part, frozen=True):
    """The values of a line. `total` is the price of all pieces. Without it, it is computed."""

    sku_code: Value
    name: Value | None = None
    quantity: Columns
    unit_amount: Columns = ()
    compare_at_amount: Columns = ()
    total: Columns = ()
    discount: Columns = ()
    tax: Columns = ()
    tax_percent: Columns = ()
    taxable: Columns = ()
    ships: Columns = ()
    ignore_with: Columns = Field(
        (), description="A row with a value here is a part of another line, and is passed over."
    )
    ignore_free_repeats: bool = Field(
        False, description="Pass over a row without a price that has the SKU of the row before."
    )
    adjustments: Columns = Field(
        (), description="Names of lines that are no goods, such as Tip: copies leave them out."
    )


class AddressPart(_Part, frozen=True):
    """The values of an address. `full_name` is divided at its last blank."""

    full_name: Value | None = None
    first_name: Value | None = None
    last_name: Value | None = None
    company: Value | None = None
    line_1: Value
    line_2: Value | None = None
    city: Value
    zip_code: Value | None = None
    state_code: Value | None = None
    country_code: Value
    phone: Value | None = None


class OneCurrency(_Part, frozen=True):
    """Columns of currencies that must agree, unless the file has one of the columns `unless`."""

    columns: Columns
    unless: Columns


class PlatformFormat(_Part, frozen=True):
    """How the rows of another platform's export become orders."""

    platform: str = Field(min_length=1, description="Kept as `reference_origin` of the orders.")
    time_zone: str | None = Field(None, description="The zone of times that have none.")
    time_formats: tuple[str, ...] = Field((), description="Formats of times beside ISO 8601.")
    track_stock: bool = Field(False, description="Whether copies need stock of new SKUs.")
    same_currency: OneCurrency | None = None
    order: OrderPart
    amounts: AmountsPart
    line: LinePart
    billing_address: AddressPart | None = None
    shipping_address: AddressPart | None = None
    metadata: dict[str, Columns] = Field(
        default_factory=dict, description="Other values to keep with the order, by name."
    )

    @model_validator(mode="after")
    def _check_line_prices(self) -> "PlatformFormat":
        if not (self.line.unit_amount or self.line.total):
            raise PydanticCustomError("line", "line: needs unit_amount or total")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of all columns in the format, each once."""
        names = [*_list_columns(self), *((self.same_currency or _NONE).columns)]
        return tuple(dict.fromkeys(names))

    @property
    def line_columns(self) -> tuple[str, ...]:
        """The names of the columns for the values of a line."""
        return tuple(_list_columns(self.line))


# Fields with texts that are no column names.
_NO_COLUMNS = {(PlatformFormat, "time_formats"), (LinePart, "adjustments")}
_NONE = OneCurrency(columns=(), unless=())


def _list_columns(part: BaseModel) -> Iterator[str]:
    """Yield the column names in a part of the format, and in the parts inside it."""
    for name in type(part).model_fields:
        given = getattr(part, name)
        if isinstance(given, ValueOf):
            yield from given.column
        elif isinstance(given, BaseModel):
            yield from _list_columns(given)
        elif isinstance(given, dict) and not isinstance(part, ValueOf):
            for columns in given.values():
                yield from columns
        elif isinstance(given, tuple) and (type(part), name) not in _NO_COLUMNS:
            yield from given
