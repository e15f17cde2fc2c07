"""Requests to copy orders: the types of flow parameters, checked on entry."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema

from order_factory.models.values.copy_options import CHANGES, OPTIONS
from order_factory.models.values.json_objects import find_json_problem, parse_json
from order_factory.models.values.keys import clean_key
from order_factory.models.values.option_values import CopyOptionValues
from order_factory.models.values.texts import MAX_TEXT, find_text_problem


def _convert_number(value: object) -> object:
    """Return an order number that was typed as a number as a text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _check_object(value: dict[str, Any] | None) -> dict[str, Any] | None:
    problem = None if value is None else find_json_problem(value)
    if problem is not None:
        raise ValueError(problem)
    return value


def _parse_object(value: object) -> object:
    """Return the object of a JSON text, or None for an empty text."""
    if not isinstance(value, str):
        return value
    return parse_json(value) if value.strip() else None


def _clean_text(value: object) -> object:
    if not isinstance(value, str):
        return value
    # This message names a lone surrogate. That of pydantic would say only that it is no text.
    text = clean_key(value)
    problem = find_text_problem(text)
    if problem is not None:
        raise ValueError(problem)
    return text


OrderName = Annotated[
    str,
    Field(min_length=1, max_length=MAX_TEXT, description="Number or public id of an order."),
    BeforeValidator(_clean_text),
    BeforeValidator(_convert_number),
]
Text = Annotated[
    str,
    Field(min_length=1, max_length=MAX_TEXT),
    BeforeValidator(_clean_text),
]
Metadata = Annotated[dict[str, Any], AfterValidator(_check_object)]
# In a form, a person can type the object as JSON text.
MetadataField = Annotated[
    dict[str, Any] | None,
    AfterValidator(_check_object),
    BeforeValidator(_parse_object),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "null"}]}),
]


class CopyOptions(CopyOptionValues):
    """How to copy one order: the copy options, and the caller's own attributes.

    Source: Commerce Layer API reference, order copy object.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    if TYPE_CHECKING:

        def __init__(self, **given: Any) -> None: ...

    reference: Text | None = Field(default=None, description="Your own name for this copy.")
    reference_origin: Text | None = Field(
        default=None, description="System that the reference comes from."
    )
    metadata: Metadata | None = Field(default=None, description="Your own data, as a JSON object.")

    def choices(self) -> dict[str, Any]:
        """Return the copy options and their JSON values. They may be used for many copies."""
        chosen: dict[str, Any] = self.model_dump(mode="json", include={*OPTIONS, *CHANGES})
        return chosen
