"""The operations of the OpenAPI document, by path."""

from order_factory.api.documentation.parameters import (
    build_choice_parameters,
    build_id_parameter,
    build_key_parameter,
    build_list_parameters,
    build_page_parameters,
)
from order_factory.api.documentation.schemas import Json, build_document_schema, build_form_schema
from order_factory.api.negotiation import MEDIA_TYPE, MULTIPART
from order_factory.api.resources.batches import ORDER_FACTORY_BATCHES
from order_factory.api.resources.description import Relationship, ResourceType
from order_factory.api.resources.registry import RESOURCES
from order_factory.api.resources.transfers import EXPORTS
from order_factory.api.targets import FAILED_ROWS_FILES, REPORT_FILES

_ERRORS = {
    "400": "A parameter or the body is malformed or not supported.",
    "401": "The token is missing, invalid, or without the right to do this.",
    "404": "There is no such record.",
    "405": "The method is not allowed here.",
    "406": "The client does not accept JSON:API.",
    "409": "The request conflicts with an existing resource.",
    "413": "The body is too long.",
    "414": "The query is too long.",
    "415": "The body is not JSON:API.",
    "422": "A value is invalid; there is one error for each.",
    "423": "The resource cannot be deleted or changed now.",
    "429": "Too many requests; see Retry-After.",
    "503": "The service cannot answer now; see Retry-After.",
    "507": "There is no space left for the file.",
}
_FOR_READING = ("400", "401", "404", "406", "414", "429", "503")
_FOR_WRITING = (*_FOR_READING, "409", "413", "415", "422")


def build_resource_paths(resource: ResourceType) -> Json:
    here = f"/api/{resource.name}"
    one = f"{here}/{{id}}"
    collection: Json = {"get": _describe_read(resource, f"List {resource.name}", many=True)}
    if resource.creatable:
        collection["post"] = _describe_write(resource, "create", "201")
    single: Json = {
        "parameters": [build_id_parameter()],
        "get": _describe_read(resource, f"Retrieve one of {resource.name}"),
    }
    if resource.updatable:
        single["patch"] = _describe_write(resource, "update", "200")
    if resource.deletable:
        single["delete"] = _describe_operation(
            resource,
            f"Delete one of {resource.name}",
            {
                "204": {"description": "The resource was deleted."},
                **_describe_errors(*_FOR_READING, "423"),
            },
        )
    paths: Json = {here: collection, one: single}
    for to in resource.relationships:
        target = RESOURCES[to.target]
        message = to.meaning or f"The {to.name} of one of {resource.name}"
        paths[f"{one}/{to.name}"] = {
            "parameters": [build_id_parameter()],
            "get": _describe_read(
                target, message, many=to.many, owner=resource, nullable=not to.many
            ),
        }
        paths[f"{one}/relationships/{to.name}"] = {
            "parameters": [build_id_parameter()],
            "get": _describe_linkage(resource, to),
        }
    return paths


def build_report_paths() -> Json:
    schema = {"type": "object", "required": ["id", "type", "attributes"]}
    responses = {
        "200": _describe_response(build_document_schema(schema, False)),
        **_describe_errors(*_FOR_READING),
    }
    message = "The outcomes of a batch's copies, counted, and their errors"
    one = f"/api/{ORDER_FACTORY_BATCHES.name}/{{id}}"
    paths = {
        f"{one}/report": {
            "parameters": [build_id_parameter()],
            "get": _describe_operation(ORDER_FACTORY_BATCHES, message, responses),
        }
    }
    for file in REPORT_FILES:
        message = f"The same as {file.removeprefix('report.')}, with a row for each copy"
        if file.endswith(".html"):
            message = "The report of the batch as a page"
        paths[f"{one}/{file}"] = _describe_file(ORDER_FACTORY_BATCHES, message)
    for file in FAILED_ROWS_FILES:
        message = "The failed copies as a file. Correct it and send it as a new batch"
        paths[f"{one}/{file}"] = _describe_file(ORDER_FACTORY_BATCHES, message)
    return paths


def build_attachment_paths() -> Json:
    message = "The file of a completed export; needs the scope write"
    return {f"/api/{EXPORTS.name}/{{id}}/attachment": _describe_file(EXPORTS, message)}


def _describe_file(resource: ResourceType, message: str) -> Json:
    responses = {
        "200": {"description": "The file", "content": {"*/*": {}}},
        **_describe_errors(*_FOR_READING),
    }
    return {
        "parameters": [build_id_parameter()],
        "get": _describe_operation(resource, message, responses),
    }


def _describe_read(
    target: ResourceType,
    summary: str,
    *,
    many: bool = False,
    owner: ResourceType | None = None,
    nullable: bool = False,
) -> Json:
    schema: Json = {"$ref": f"#/components/schemas/{target.name}"}
    if many:
        schema = {"type": "array", "items": schema}
    elif nullable:
        schema = {"oneOf": [schema, {"type": "null"}]}
    parameters = [
        *build_choice_parameters(target),
        *(build_list_parameters(target) if many else []),
    ]
    responses = {
        "200": _describe_response(build_document_schema(schema, many)),
        **_describe_errors(*_FOR_READING),
    }
    return _describe_operation(owner or target, summary, responses, parameters=parameters)


def _describe_linkage(resource: ResourceType, to: Relationship) -> Json:
    schema: Json = {"$ref": "#/components/schemas/linkage"}
    if to.many:
        schema = {"type": "array", "items": schema}
    else:
        schema = {"oneOf": [schema, {"type": "null"}]}
    responses = {
        "200": _describe_response(build_document_schema(schema, to.many)),
        **_describe_errors(*_FOR_READING),
    }
    parameters = build_page_parameters() if to.many else []
    summary = f"The ids of the {to.name} of one of {resource.name}"
    return _describe_operation(resource, summary, responses, parameters=parameters)


def _describe_write(resource: ResourceType, action: str, status: str) -> Json:
    document = build_document_schema({"$ref": f"#/components/schemas/{resource.name}"}, False)
    responses = {status: _describe_response(document), **_describe_errors(*_FOR_WRITING)}
    parameters = build_choice_parameters(resource)
    if action == "create":
        parameters.append(build_key_parameter())
    schema: Json = {"$ref": f"#/components/schemas/{resource.name}_{action}"}
    body = {"type": "object", "required": ["data"], "properties": {"data": schema}}
    summary = f"{action.capitalize()} one of {resource.name}"
    operation = _describe_operation(resource, summary, responses, parameters=parameters)
    content = {MEDIA_TYPE: {"schema": body}}
    if action == "create" and resource.takes_file:
        content[MULTIPART] = {"schema": build_form_schema(resource, schema)}
        responses |= _describe_errors("507")
    return operation | {"requestBody": {"required": True, "content": content}}


def _describe_operation(
    resource: ResourceType, summary: str, responses: Json, *, parameters: list[Json] | None = None
) -> Json:
    return {
        "tags": [resource.name],
        "summary": summary,
        "parameters": parameters or [],
        "responses": responses,
    }


def _describe_response(schema: Json) -> Json:
    return {"description": "The requested document.", "content": {MEDIA_TYPE: {"schema": schema}}}


def _describe_errors(*statuses: str) -> Json:
    schema = {"$ref": "#/components/schemas/errors"}
    return {
        status: {"description": _ERRORS[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }
