"""The OpenAPI document, generated from the descriptions of the resources."""

from functools import cache
from importlib.metadata import version

from order_factory.api.documentation.operations import (
    build_attachment_paths,
    build_report_paths,
    build_resource_paths,
)
from order_factory.api.documentation.schemas import (
    Json,
    build_body_schema,
    build_errors_schema,
    build_linkage_schema,
    build_resource_schema,
)
from order_factory.api.resources.registry import RESOURCES

_DESCRIPTION = """\
Order copies and all that belongs to them, as [JSON:API](https://jsonapi.org) in the shape of the
Commerce Layer Core API. Create an `order_copies` resource: the answer is immediate and has the
status `pending`, and the order is copied soon after. A filter is
`filter[q][ATTRIBUTES_MATCHER]=VALUE`.
"""


@cache
def build_openapi_document() -> Json:
    """Return the whole document."""
    paths: Json = {}
    schemas: Json = {"errors": build_errors_schema(), "linkage": build_linkage_schema()}
    for resource in RESOURCES.values():
        paths |= build_resource_paths(resource)
        schemas[resource.name] = build_resource_schema(resource)
        for action, given in (("create", resource.creatable), ("update", resource.updatable)):
            if given:
                schemas[f"{resource.name}_{action}"] = build_body_schema(resource, action)
    paths |= build_report_paths() | build_attachment_paths()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "order factory",
            "version": version("order-factory"),
            "description": _DESCRIPTION,
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": [{"name": each.name, "description": each.meaning} for each in RESOURCES.values()],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }
