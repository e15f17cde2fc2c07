"""The form for a flow's parameters in the Prefect UI, built from the flow's signature.

For an optional parameter, Prefect's own form asks for the type (text or null) and then for the
value. This form shows one field that may stay empty.
"""

import inspect
from collections.abc import Callable
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, Field, TypeAdapter, WithJsonSchema
from pydantic.errors import PydanticSchemaGenerationError

from order_factory.models.requests.form_fields import simplify_field


def build_form_signature(function: Callable[..., Any]) -> inspect.Signature:
    """The function's signature, with a readable title for each parameter and plain fields.

    Parameters that are `not_in_form` are left out.
    """
    signature = inspect.signature(function, eval_str=True)
    left_out: frozenset[str] = getattr(function, "not_in_form", frozenset())
    parameters = [each for each in signature.parameters.values() if each.name not in left_out]
    return signature.replace(parameters=[_make_form_field(given) for given in parameters])


def _make_form_field(parameter: inspect.Parameter) -> inspect.Parameter:
    title = parameter.name.replace("_", " ").capitalize()
    if parameter.default is inspect.Parameter.empty:
        return parameter.replace(default=Field(json_schema_extra={"title": title}))
    no_default = Field(default_factory=NoneType)
    if model := _find_optional_model(parameter):
        # The fields of the model, without a choice between them and null.
        nested: Any = Annotated[model, no_default]
        return parameter.replace(
            annotation=nested, default=Field(json_schema_extra={"title": title})
        )
    field = _make_plain_field(parameter)
    if field is None:
        named = Field(default=parameter.default, json_schema_extra={"title": title})
        return parameter.replace(default=named)
    # A factory keeps the default out of the schema: the UI would send null, and Prefect refuse it.
    plain: Any = Annotated[parameter.annotation, WithJsonSchema(field), no_default]
    return parameter.replace(annotation=plain, default=Field(json_schema_extra={"title": title}))


def _find_optional_model(parameter: inspect.Parameter) -> type[BaseModel] | None:
    """The model of a parameter with the annotation `Model | None` and the default None."""
    annotation = parameter.annotation
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    models = [each for each in get_args(annotation) if each is not NoneType]
    if parameter.default is not None or len(models) != 1:
        return None
    (model,) = models
    return model if inspect.isclass(model) and issubclass(model, BaseModel) else None


def _make_plain_field(parameter: inspect.Parameter) -> dict[str, Any] | None:
    """The JSON schema of a field that may stay empty; None when the parameter needs no such field."""
    if parameter.default is not None:
        return None
    try:
        schema = TypeAdapter(parameter.annotation).json_schema()
    except PydanticSchemaGenerationError:
        return None
    field = simplify_field(schema)
    return None if field == schema else field
