"""Fields of a form: what a person fills in, or leaves empty."""

from typing import Any

_NOTHING = {"type": "null"}
_SIMPLE = ("string", "integer", "number", "boolean")


def plain_field(message: dict[str, Any]) -> dict[str, Any]:
    """A field's JSON schema without the choice of nothing, where one simple thing is left.

    What is no such field is returned as it is.
    """
    choices = [choice for choice in message.get("anyOf", []) if choice != _NOTHING]
    if len(choices) != 1 or choices[0].get("type") not in _SIMPLE:
        return message
    field: dict[str, Any] = choices[0]
    rest = {key: value for key, value in message.items() if key not in ("anyOf", "default")}
    return field | rest


def plain_fields(schema: dict[str, Any]) -> None:
    """Make each property of a model's JSON schema such a field."""
    for name, message in schema["properties"].items():
        schema["properties"][name] = plain_field(message)
