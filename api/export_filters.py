"""The selection of an export by the filters of the API."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, select

from order_factory.api.errors import ApiError
from order_factory.api.query.filters import parse_filter
from order_factory.api.query.work import Work
from order_factory.api.resources.attributes import flag, integer, json_object, number, text, time
from order_factory.api.resources.description import Attribute, ResourceType
from order_factory.api.resources.registry import RESOURCES
from order_factory.models.errors import InvalidRequest
from order_factory.models.values.public_ids import Resource as PublicIds
from order_factory.tasks.exports.columns import Kind, find_kind
from order_factory.tasks.exports.resources import EXPORTED, ExportResource
from order_factory.tasks.exports.selecting import Condition

_ATTRIBUTES: dict[Kind, Callable[[str], Attribute]] = {
    Kind.TEXT: text,
    Kind.WHOLE: integer,
    Kind.NUMBER: number,
    Kind.FLAG: flag,
    Kind.TIME: time,
    Kind.OBJECT: json_object,
}


def filter_records(name: str, filters: Mapping[str, Any], mode: str) -> Condition | None:
    """Return the condition that a row meets all filters, such as `{"status_eq": "placed"}`.

    None without filters. Raises `InvalidRequest` for a filter that the resource does not have.
    """
    exported = EXPORTED.get(name)
    if not filters or exported is None:
        return None
    resource = RESOURCES.get(name) or _describe(exported)
    work = Work()
    try:
        parsed = [
            parse_filter(resource, predicate, predicate, _text(value), work)
            for predicate, value in filters.items()
        ]
    except ApiError as error:
        raise InvalidRequest(error.problems[0].detail) from error

    def fits(rows: FromClause) -> ColumnElement[bool]:
        if resource.table is exported.table:
            return and_(*(each(rows, mode) for each in parsed))
        rows_seen = resource.table.alias()
        matching = select(rows_seen.c.id).where(resource.scope(rows_seen, mode))
        return rows.c.id.in_(matching.where(*(each(rows_seen, mode) for each in parsed)))

    return fits


def _describe(exported: ExportResource) -> ResourceType:
    """Describe a resource that the API does not show, because its exports have filters too."""
    return ResourceType(
        exported.name,
        ids=PublicIds[exported.table.name],
        table=exported.table,
        scope=exported.is_in,
        attributes=tuple(
            _ATTRIBUTES[find_kind(each.type)](each.name)
            for each in exported.table.c
            if not each.primary_key and not each.foreign_keys
        ),
    )


def _text(value: Any) -> str:
    """Return a filter's value as a URL has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(_text(each) for each in value)
    return str(value)
