"""The form of a flow's parameters, as the Prefect UI shows it to whoever starts a run there.

Made from the flow's signature. Prefect would ask first, for whatever may be left out, whether it
is a text or nothing, and then for the text; here it is a field that may stay empty.
"""

import inspect
from collections.abc import Callable
from types import NoneType
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, WithJsonSchema
from pydantic.errors import PydanticSchemaGenerationError

from order_factory.models.requests.form_fields import plain_field


def signature_of_form(function: Callable[..., Any]) -> inspect.Signature:
    """The function's signature; parameters have names for people, simple ones are plain fields."""
    signature = inspect.signature(function, eval_str=True)
    parameters = signature.parameters.values()
    return signature.replace(parameters=[_for_people(given) for given in parameters])


def _for_people(parameter: inspect.Parameter) -> inspect.Parameter:
    title = parameter.name.replace("_", " ").capitalize()
    if parameter.default is inspect.Parameter.empty:
        return parameter.replace(default=Field(json_schema_extra={"title": title}))
    field = _plain_field(parameter)
    if field is None:
        named = Field(default=parameter.default, json_schema_extra={"title": title})
        return parameter.replace(default=named)
    # A factory, since the UI would send a default that is told, and Prefect refuse that null.
    nothing = Field(default_factory=NoneType)
    plain: Any = Annotated[parameter.annotation, WithJsonSchema(field), nothing]
    return parameter.replace(annotation=plain, default=Field(json_schema_extra={"title": title}))


def _plain_field(parameter: inspect.Parameter) -> dict[str, Any] | None:
    """The JSON schema of a field that may stay empty; None where the parameter is no such thing."""
    if parameter.default is not None:
        return None
    try:
        message = TypeAdapter(parameter.annotation).json_schema()
    except PydanticSchemaGenerationError:
        return None
    field = plain_field(message)
    return None if field == message else field
