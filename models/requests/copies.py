"""What a caller may ask for: the types of flow parameters, checked where they come in."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from order_factory.models.values.json_objects import json_object_problem
from order_factory.models.values.keys import clean_key
from order_factory.models.values.stock_policies import StockPolicy

MAX_TEXT = 255


def _number_as_text(value: object) -> object:
    """An order number that was typed as a number is still a name."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _small_json(value: dict[str, Any] | None) -> dict[str, Any] | None:
    problem = None if value is None else json_object_problem(value)
    if problem is not None:
        raise ValueError(f"metadata {problem}")
    return value


def _storable(value: str) -> str:
    if "\x00" in value:
        raise ValueError("the text holds a NUL character, which cannot be stored")
    if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
        raise ValueError("the text holds half of a character, which cannot be stored")
    return value


def _clean(value: object) -> object:
    return clean_key(value) if isinstance(value, str) else value


OrderName = Annotated[
    str,
    Field(min_length=1, max_length=MAX_TEXT, description="Number or public id of an order."),
    BeforeValidator(_clean),
    BeforeValidator(_number_as_text),
    AfterValidator(_storable),
]
Text = Annotated[
    str,
    Field(min_length=1, max_length=MAX_TEXT),
    BeforeValidator(_clean),
    AfterValidator(_storable),
]
Metadata = Annotated[dict[str, Any], AfterValidator(_small_json)]


class CopyOptions(BaseModel):
    """How one order is to be copied. Source: Commerce Layer API reference, order copy object.

    `refresh_prices` and `stock` are our own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    place_target_order: bool = Field(
        default=False, description="Place the target order once it is copied."
    )
    reuse_wallet: bool = Field(
        default=True, description="Copy the payment source that stands in the customer's wallet."
    )
    skip_errors: bool = Field(
        default=False, description="Leave out what cannot be copied, and copy the rest."
    )
    cancel_source_order: bool = Field(
        default=False, description="Cancel the source order once the target order stands."
    )
    apply_promotions: bool = Field(
        default=False, description="Compute the promotions anew, over those that are valid now."
    )
    ignore_invalid_coupon: bool = Field(
        default=False, description="Leave out a coupon that is not valid any more."
    )
    refresh_prices: bool = Field(
        default=False, description="Give the line items today's prices of their SKUs."
    )
    stock: StockPolicy = Field(
        default=StockPolicy.TAKE,
        description="Take the stock of what is placed, or ignore the stock (backorders).",
    )
    reference: Text | None = Field(default=None, description="Your own name for this copy.")
    reference_origin: Text | None = Field(
        default=None, description="Where that reference comes from."
    )
    metadata: Metadata | None = Field(default=None, description="Your own data: a JSON object.")

    def choices(self) -> dict[str, bool | str]:
        """What of it may hold for many copies alike, as JSON has it: `OPTIONS` and their values."""
        return self.model_dump(mode="json", include=set(OPTIONS))


# The options by name; the rest of a request is the caller's own.
OPTIONS = tuple(
    name
    for name in CopyOptions.model_fields
    if name not in ("reference", "reference_origin", "metadata")
)
