"""Form fields that a person fills in or leaves empty."""

from typing import Any

_NOTHING = {"type": "null"}
_SIMPLE = ("string", "integer", "number", "boolean")


def plain_field(message: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of a field without the choice of null, if one simple type remains.

    Any other field is returned unchanged.
    """
    choices = [choice for choice in message.get("anyOf", []) if choice != _NOTHING]
    if len(choices) != 1 or choices[0].get("type") not in _SIMPLE:
        return message
    field: dict[str, Any] = choices[0]
    rest = {key: value for key, value in message.items() if key not in ("anyOf", "default")}
    return field | rest


def plain_fields(schema: dict[str, Any]) -> None:
    """Apply `plain_field` to each property of a model's JSON schema."""
    for name, message in schema["properties"].items():
        schema["properties"][name] = plain_field(message)
