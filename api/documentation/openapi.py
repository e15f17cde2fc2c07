"""The OpenAPI document, generated from the descriptions of the resources."""

from functools import cache
from importlib.metadata import version

from order_factory.api.documentation.operations import attachment_paths, paths_of, report_paths
from order_factory.api.documentation.schemas import (
    Json,
    body_schema,
    errors_schema,
    linkage_schema,
    resource_schema,
)
from order_factory.api.resources.registry import RESOURCES

_DESCRIPTION = """\
Order copies and all that belongs to them, as [JSON:API](https://jsonapi.org) in the shape of the
Commerce Layer Core API. Create an `order_copies` resource; it is answered at once as `pending`
and copied soon after. Filters are `filter[q][ATTRIBUTES_MATCHER]=VALUE`.
"""


@cache
def openapi_document() -> Json:
    """Return the whole document."""
    paths: Json = {}
    schemas: Json = {"errors": errors_schema(), "linkage": linkage_schema()}
    for resource in RESOURCES.values():
        paths |= paths_of(resource)
        schemas[resource.name] = resource_schema(resource)
        for action, given in (("create", resource.creatable), ("update", resource.updatable)):
            if given:
                schemas[f"{resource.name}_{action}"] = body_schema(resource, action)
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
