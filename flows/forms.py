"""The form of a flow's parameters, as the Prefect UI shows it to whoever starts a run there.

Made from the flow's annotations. Prefect would ask first, for whatever may be left out, whether it
is a text or nothing, and then for the text; here it is a field that may stay empty.
"""

import inspect
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import TypeAdapter, WithJsonSchema
from pydantic.errors import PydanticSchemaGenerationError

from models.forms import plain_field


def signature_of_form(function: Callable[..., Any]) -> inspect.Signature:
    """The function's signature, whose simple parameters describe themselves as plain fields."""
    signature = inspect.signature(function, eval_str=True)
    parameters = signature.parameters.values()
    return signature.replace(parameters=[_with_plain_field(given) for given in parameters])


def _with_plain_field(parameter: inspect.Parameter) -> inspect.Parameter:
    try:
        told = TypeAdapter(parameter.annotation).json_schema()
    except PydanticSchemaGenerationError:
        return parameter
    field = plain_field(told)
    if field == told:
        return parameter
    return parameter.replace(annotation=Annotated[parameter.annotation, WithJsonSchema(field)])
