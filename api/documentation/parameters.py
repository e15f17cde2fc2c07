"""The parameters of the OpenAPI document."""

from order_factory.api.documentation.schemas import TYPES, Json
from order_factory.api.query.paging import MOST_SIZE
from order_factory.api.resources.description import LISTS_AND_OBJECTS, ResourceType


def build_id_parameter() -> Json:
    schema = {"type": "string", "pattern": "^[A-Za-z]{10,20}$"}
    return {"name": "id", "in": "path", "required": True, "schema": schema}


def build_key_parameter() -> Json:
    message = (
        "A repeated request with the same key and body gets the same answer and creates nothing."
    )
    schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
    return {"name": "Idempotency-Key", "in": "header", "schema": schema, "description": message}


def build_choice_parameters(target: ResourceType) -> list[Json]:
    """Return the parameters that choose the included resources and the shown fields."""
    paths = [to.name for to in target.relationships]
    included = {"type": "string", "examples": [",".join(paths[:2])]}
    names = [attribute.name for attribute in target.attributes]
    return [
        _build_query_parameter(
            "include", included, "Relationships to include, separated by commas; a.b is nested."
        ),
        _build_query_parameter(
            f"fields[{target.name}]",
            {"type": "string", "examples": [names[0]]},
            "Attributes and relationships to show, separated by commas.",
        ),
    ]


def build_list_parameters(target: ResourceType) -> list[Json]:
    """Return the parameters of a list: pages, sorting, and some of the filters."""
    filters = []
    for attribute in target.attributes:
        if attribute.column is not None and attribute.type not in LISTS_AND_OBJECTS:
            name = f"filter[q][{attribute.name}_eq]"
            filters.append(
                _build_query_parameter(
                    name, TYPES[attribute.type], f"Only resources with this {attribute.name}."
                )
            )
    sorting = {"type": "string", "examples": ["-created_at"]}
    return [
        *build_page_parameters(),
        _build_query_parameter("sort", sorting, "Attributes; - descends."),
        *filters,
    ]


def build_page_parameters() -> list[Json]:
    number = {"type": "integer", "minimum": 1, "maximum": 999_999_999}
    size = {"type": "integer", "minimum": 1, "maximum": MOST_SIZE}
    return [
        _build_query_parameter("page[number]", number, "Number of the page. The first is 1."),
        _build_query_parameter("page[size]", size, "Resources per page. Default: 10."),
    ]


def _build_query_parameter(name: str, schema: Json, message: str) -> Json:
    return {"name": name, "in": "query", "schema": schema, "description": message}
