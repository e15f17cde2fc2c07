"""The JSON schemas of form fields that a person may leave empty."""

from typing import Any

_NULL = {"type": "null"}
_SIMPLE_TYPES = ("string", "integer", "number", "boolean")


def simplify_field(field_schema: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of a field without null, if one simple type remains.

    The schema of any other field is returned unchanged.
    """
    choices = [choice for choice in field_schema.get("anyOf", []) if choice != _NULL]
    if len(choices) != 1 or choices[0].get("type") not in _SIMPLE_TYPES:
        return field_schema
    field: dict[str, Any] = choices[0]
    rest = {key: value for key, value in field_schema.items() if key not in ("anyOf", "default")}
    return field | rest


def simplify_fields(schema: dict[str, Any]) -> None:
    """Apply `simplify_field` to each property of a model's JSON schema."""
    for name, field_schema in schema["properties"].items():
        schema["properties"][name] = simplify_field(field_schema)
