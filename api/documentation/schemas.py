"""The schemas of the OpenAPI document: resources, request bodies and errors."""

from typing import Any

from order_factory.api.resources.description import (
    Attribute,
    Relationship,
    ResourceType,
    Type,
    Writable,
)
from order_factory.api.uploads import DATA, FILE
from order_factory.tasks.row_files.opening import ENDINGS

Json = dict[str, Any]

TYPES: dict[Type, Json] = {
    Type.TEXT: {"type": "string"},
    Type.INTEGER: {"type": "integer"},
    Type.NUMBER: {"type": "number"},
    Type.BOOLEAN: {"type": "boolean"},
    Type.TIME: {"type": "string", "format": "date-time"},
    Type.OBJECT: {"type": "object"},
    Type.TEXTS: {"type": "array", "items": {"type": "string"}},
    Type.OBJECTS: {"type": "array", "items": {"type": "object"}},
}


def _describe_attribute(attribute: Attribute) -> Json:
    schema = dict(TYPES[attribute.type])
    if attribute.one_of:
        schema["enum"] = list(attribute.one_of)
    if attribute.nullable:
        schema["type"] = [schema["type"], "null"]
    return schema | ({"description": attribute.meaning} if attribute.meaning else {})


def build_resource_schema(resource: ResourceType) -> Json:
    mode = {"type": "string", "enum": ["test", "live"]}
    return {
        "type": "object",
        "description": resource.meaning,
        "required": ["id", "type", "attributes", "relationships", "links", "meta"],
        "properties": {
            "id": {"type": "string"},
            "type": {"const": resource.name},
            "attributes": {
                "type": "object",
                "properties": {
                    each.name: _describe_attribute(each) for each in resource.attributes
                },
                "additionalProperties": False,
            },
            "relationships": {
                "type": "object",
                "properties": {each.name: {"type": "object"} for each in resource.relationships},
                "additionalProperties": False,
            },
            "links": {"type": "object", "required": ["self"]},
            "meta": {"type": "object", "properties": {"mode": mode}, "required": ["mode"]},
        },
    }


def build_body_schema(resource: ResourceType, action: str) -> Json:
    creating = action == "create"
    writables = [each for each in resource.writables if (each.create if creating else each.update)]
    related = [
        each for each in resource.relationships if each.writable and (creating or each.updatable)
    ]
    properties: Json = {
        "type": {"const": resource.name},
        "attributes": _describe_object(
            {each.name: _describe_writable(each) for each in writables},
            [each.name for each in writables if creating and each.required],
        ),
        "relationships": _describe_object(
            {each.name: _describe_relationship(each) for each in related},
            [each.name for each in related if creating and each.required],
        ),
    }
    required = ["type"]
    required += [
        name for name in ("attributes", "relationships") if properties[name].get("required")
    ]
    if not creating:
        properties["id"] = {"type": "string"}
        required.append("id")
    return _describe_object(properties, required)


def build_form_schema(resource: ResourceType, data: Json) -> Json:
    """The parts of a multipart form: the file, the attributes as fields, or a JSON part."""
    fields = {each.name: _describe_writable(each) for each in resource.writables if each.create}
    file = {
        "type": "string",
        "contentMediaType": "application/octet-stream",
        "description": f"The file; its name ends in {', '.join(ENDINGS)}.",
    }
    data = data | {"description": "The attributes as one JSON object, instead of as fields."}
    return _describe_object({FILE: file, DATA: data, **fields}, [FILE])


def _describe_object(properties: Json, required: list[str]) -> Json:
    schema: Json = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"required": required} if required else {})


def _describe_writable(writable: Writable) -> Json:
    schema = dict(TYPES[writable.type])
    if writable.one_of:
        schema["enum"] = list(writable.one_of)
    elif not writable.required:
        schema["type"] = [schema["type"], "null"]
    return schema | ({"description": writable.meaning} if writable.meaning else {})


def _describe_relationship(to: Relationship) -> Json:
    identifier = _describe_object(
        {"type": {"const": to.target}, "id": {"type": "string"}}, ["type", "id"]
    )
    data: Json = {"type": "array", "items": identifier} if to.many else identifier
    return _describe_object({"data": data}, ["data"])


def build_document_schema(data: Json, many: bool) -> Json:
    properties: Json = {
        "data": data,
        "included": {"type": "array", "items": {"type": "object"}},
    }
    required = ["data"]
    if many:
        count = {"type": "integer", "minimum": 0}
        counts = {"record_count": count, "page_count": count}
        properties["meta"] = {"type": "object", "properties": counts, "required": list(counts)}
        properties["links"] = {"type": "object"}
        required += ["meta", "links"]
    return {"type": "object", "properties": properties, "required": required}


def build_linkage_schema() -> Json:
    text = {"type": "string"}
    return _describe_object({"type": text, "id": text}, ["type", "id"])


def build_errors_schema() -> Json:
    text = {"type": "string"}
    places = {"pointer": text, "parameter": text, "header": text}
    error = {
        "type": "object",
        "required": ["title", "detail", "code", "status"],
        "properties": {
            **{name: text for name in ("title", "detail", "code", "status")},
            "source": {"type": "object", "properties": places},
        },
    }
    return _describe_object(
        {"errors": {"type": "array", "items": error, "minItems": 1}}, ["errors"]
    )
