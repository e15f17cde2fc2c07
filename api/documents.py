"""Reading the body of a create or an update: a JSON:API document with one resource object."""

from dataclasses import dataclass
from typing import Any

from order_factory.api.errors import ApiError, Problem, conflict, wrong_body
from order_factory.api.json_text import parse_json
from order_factory.api.resources.description import ResourceType
from order_factory.api.resources.registry import RESOURCES


@dataclass(frozen=True)
class Document:
    """The document of a client. Only its shape has been checked."""

    attributes: dict[str, Any]
    relationships: dict[str, Any]


def parse_document(resource: ResourceType, body: bytes, name: str | None = None) -> Document:
    """Return the document of a create, or of an update of the row with this public id.

    Raises `ApiError`: 400 for any other body, 403 for an id that the client chose, and 409 if the
    type or the id is not that of the URL.
    """
    data = _read_data(body)
    _check_type(resource, data)
    _check_id(data, name)
    attributes = _require_object(data, "attributes")
    relationships = _require_object(data, "relationships")
    return Document(attributes, relationships)


def _read_data(body: bytes) -> dict[str, Any]:
    try:
        document = parse_json(body)
    except ValueError as error:
        raise wrong_body(
            "INVALID_JSON", "", "Invalid JSON", "The body is not a JSON document."
        ) from error
    if not isinstance(document, dict) or not isinstance(document.get("data"), dict):
        detail = "The body must be an object whose data is a resource object."
        raise wrong_body("INVALID_DATA_FORMAT", "/data", "Invalid data format", detail)
    data: dict[str, Any] = document["data"]
    return data


def _check_type(resource: ResourceType, data: dict[str, Any]) -> None:
    given = data.get("type")
    if given == resource.name:
        return
    if isinstance(given, str) and given in RESOURCES:
        detail = f"The type must be {resource.name} here."
        raise conflict(detail, "TYPE_MISMATCH", "/data/type")
    detail = f"The type must be {resource.name}."
    raise wrong_body("INVALID_RESOURCE", "/data/type", "Invalid resource", detail)


def _check_id(data: dict[str, Any], name: str | None) -> None:
    if name is None:
        if "id" in data:
            detail = "The service assigns the id. Leave it out."
            raise ApiError(
                Problem(403, "CLIENT_ID_NOT_ALLOWED", "Forbidden", detail, pointer="/data/id")
            )
        return
    given = data.get("id")
    if given is None:
        detail = "The id of the resource is missing."
        raise wrong_body("KEY_NOT_INCLUDED_IN_URL", "/data/id", "Missing id", detail)
    if given != name:
        raise conflict("The id must be the one in the URL.", "KEY_NOT_INCLUDED_IN_URL", "/data/id")


def _require_object(data: dict[str, Any], part: str) -> dict[str, Any]:
    value = data.get(part, {})
    if not isinstance(value, dict):
        detail = f"The {part} must be an object."
        raise wrong_body("INVALID_DATA_FORMAT", f"/data/{part}", "Invalid data format", detail)
    return value
