"""The OpenAPI document, generated from the descriptions of the resources."""

from functools import cache
from importlib.metadata import version

from order_factory.api.documentation.operations import attachment_paths, list_paths, report_paths
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
Commerce Layer Core API. Create an `order_copies` resource; it is answered at once as `pending`
and copied soon after. Filters are `filter[q][ATTRIBUTES_MATCHER]=VALUE`.
"""


@cache
def build_openapi_document() -> Json:
    """Return the whole document."""
    paths: Json = {}
    schemas: Json = {"errors": build_errors_schema(), "linkage": build_linkage_schema()}
    for resource in RESOURCES.values():
        paths |= list_paths(resource)
        schemas[resource.name] = build_resource_schema(resource)
        for action, given in (("create", resource.creatable), ("update", resource.updatable)):
            if given:
                schemas[f"{resource.name}_{action}"] = build_body_schema(resource, action)
    paths |= report_paths() | attachment_paths()
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
