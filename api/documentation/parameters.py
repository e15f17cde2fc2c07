"""The parameters of the OpenAPI document."""

from order_factory.api.documentation.schemas import TYPES, Json
from order_factory.api.query.paging import MOST_SIZE
from order_factory.api.resources.description import LISTS_AND_OBJECTS, ResourceType


def id_parameter() -> Json:
    schema = {"type": "string", "pattern": "^[A-Za-z]{10,20}$"}
    return {"name": "id", "in": "path", "required": True, "schema": schema}


def idempotency_key() -> Json:
    message = (
        "A repeated request with the same key and body gets the same answer and creates nothing."
    )
    schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
    return {"name": "Idempotency-Key", "in": "header", "schema": schema, "description": message}


def choosing(target: ResourceType) -> list[Json]:
    """Return the parameters that choose the included resources and the shown fields."""
    paths = [to.name for to in target.relationships]
    included = {"type": "string", "examples": [",".join(paths[:2])]}
    names = [attribute.name for attribute in target.attributes]
    return [
        _query(
            "include", included, "Relationships to include, separated by commas; a.b is nested."
        ),
        _query(
            f"fields[{target.name}]", {"type": "string", "examples": [names[0]]}, "What to show."
        ),
    ]


def listing(target: ResourceType) -> list[Json]:
    """Return the parameters of a list: pages, sorting, and some of the filters."""
    filters = []
    for attribute in target.attributes:
        if attribute.column is not None and attribute.type not in LISTS_AND_OBJECTS:
            name = f"filter[q][{attribute.name}_eq]"
            filters.append(
                _query(name, TYPES[attribute.type], f"Only resources with this {attribute.name}.")
            )
    sorting = {"type": "string", "examples": ["-created_at"]}
    return [*page_parameters(), _query("sort", sorting, "Attributes; - descends."), *filters]


def page_parameters() -> list[Json]:
    number = {"type": "integer", "minimum": 1, "maximum": 999_999_999}
    size = {"type": "integer", "minimum": 1, "maximum": MOST_SIZE}
    return [
        _query("page[number]", number, "Which page."),
        _query("page[size]", size, "Resources per page. Default: 10."),
    ]


def _query(name: str, schema: Json, message: str) -> Json:
    return {"name": name, "in": "query", "schema": schema, "description": message}
