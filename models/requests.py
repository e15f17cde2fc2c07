"""What a caller may ask for: the types of flow parameters, checked where they come in."""

import json
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

MAX_TEXT = 255
MAX_METADATA = 65_536


def _number_as_text(value: object) -> object:
    """An order number that was typed as a number is still a name."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _small_json(value: dict[str, Any] | None) -> dict[str, Any] | None:
    try:
        length = len(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError("metadata must hold nothing but JSON values") from error
    if length > MAX_METADATA:
        raise ValueError(f"metadata has {length} characters of JSON; at most {MAX_METADATA}")
    return value


def _storable(value: str) -> str:
    if "\x00" in value:
        raise ValueError("the text holds a NUL character, which cannot be stored")
    return value


OrderName = Annotated[
    str,
    BeforeValidator(_number_as_text),
    Field(min_length=1, max_length=MAX_TEXT, description="Number or public id of an order."),
    AfterValidator(_storable),
]
Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT), AfterValidator(_storable)]
Metadata = Annotated[dict[str, Any], AfterValidator(_small_json)]


class CopyOptions(BaseModel):
    """How one order is to be copied. Source: Commerce Layer API reference, order copy object."""

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
    reference: Text | None = Field(default=None, description="Your own name for this copy.")
    reference_origin: Text | None = Field(
        default=None, description="Where that reference comes from."
    )
    metadata: Metadata | None = Field(default=None, description="Your own data: a JSON object.")
