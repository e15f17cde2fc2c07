"""Reading the query string and checking it against the resource. Errors name the parameter."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, FromClause

from order_factory.api.errors import ApiError, wrong_parameter
from order_factory.api.query.filters import Filter, parse_filter
from order_factory.api.query.paging import Page, parse_page
from order_factory.api.query.work import Work
from order_factory.api.resources.description import LISTS_AND_OBJECTS, Attribute, ResourceType
from order_factory.api.resources.registry import RESOURCES
from order_factory.api.settings import api_settings

# The name of a relationship, and the includes that follow it.
Includes = dict[str, Any]
# Column and whether it descends, one pair for each key.
Sort = tuple[tuple[str, bool], ...]
_MOST_INCLUDES = 30
_NAMED = re.compile(r"(fields|page)\[(\w+)\]")
_FILTER = re.compile(r"filter\[q\]\[(\w+)\]", re.ASCII)


@dataclass(frozen=True)
class Query:
    """The parsed query of a request. `fields` has the attributes and relationships to show, by type.

    A `common` statement is small and likely to be repeated, so its compiled form is cached. The
    others would fill the memory with statements that are used once. The driver keeps no `large`
    statements either.
    """

    includes: Includes = field(default_factory=dict)
    fields: Mapping[str, frozenset[str]] = field(default_factory=dict)
    sort: Sort = ()
    filters: tuple[Filter, ...] = ()
    page: Page = field(default_factory=Page)
    common: bool = True
    large: bool = False

    def condition(self, row: FromClause, mode: str) -> list[ColumnElement[bool]]:
        """Return the conditions of all filters, for a table or its alias."""
        return [each(row, mode) for each in self.filters]


_EMPTY = Query()


def parse_query(
    resource: ResourceType, pairs: Sequence[tuple[str, str]], *, listing: bool
) -> Query:
    """Return the query of a request for this resource. With `listing` it may sort and filter.

    Raises `ApiError` (400) that names the parameter.
    """
    if not pairs:
        return _EMPTY
    given: dict[str, str] = {}
    for name, value in pairs:
        if name in given:
            raise wrong_parameter(
                "PARAM_NOT_ALLOWED", name, "Param not allowed", f"{name} is given more than once."
            )
        given[name] = value
    includes: Includes = {}
    fields: dict[str, frozenset[str]] = {}
    sort: Sort = ()
    filters = []
    pages: dict[str, str] = {}
    work = Work()
    for name, value in given.items():
        named, filtered = _NAMED.fullmatch(name), _FILTER.fullmatch(name)
        if name == "include":
            includes = _parse_includes(resource, value)
        elif named and named[1] == "fields":
            fields[named[2]] = _parse_fields(name, named[2], value)
        elif listing and name == "sort":
            sort = _parse_sort(resource, value)
        elif listing and named and named[1] == "page" and named[2] in ("number", "size"):
            pages[named[2]] = value
        elif listing and filtered:
            filters.append(parse_filter(resource, name, filtered[1], value, work))
        else:
            raise _refuse_parameter(name)
    return Query(
        includes, fields, sort, tuple(filters), parse_page(pages), work.is_common, work.is_large
    )


def _refuse_parameter(name: str) -> ApiError:
    if name.startswith("filter"):
        detail = f"{name} is not a filter. A filter is written filter[q][PREDICATE]."
        return wrong_parameter("FILTER_NOT_ALLOWED", name, "Filter not allowed", detail)
    detail = f"{name} is not allowed."
    return wrong_parameter("PARAM_NOT_ALLOWED", name, "Param not allowed", detail)


def _parse_includes(resource: ResourceType, value: str) -> Includes:
    tree: Includes = {}
    paths = value.split(",") if value else []
    if len(paths) > _MOST_INCLUDES:
        raise _refuse_include(f"include has more than {_MOST_INCLUDES} paths.")
    for path in paths:
        names = path.split(".")
        if len(names) > api_settings().include_depth:
            raise _refuse_include(
                f"{path} goes over more than {api_settings().include_depth} relationships."
            )
        branch, at = tree, resource
        for name in names:
            relationship = at.relationship.get(name)
            if relationship is None:
                known = ", ".join(sorted(at.relationship))
                raise _refuse_include(
                    f"{name[:40]} is not a relationship of {at.name}, which has {known}."
                )
            branch, at = branch.setdefault(name, {}), RESOURCES[relationship.target]
    return tree


def _refuse_include(detail: str) -> ApiError:
    return wrong_parameter("INVALID_INCLUDE", "include", "Invalid include", detail)


def _parse_fields(parameter: str, type_name: str, value: str) -> frozenset[str]:
    resource = RESOURCES.get(type_name)
    if resource is None:
        detail = f"{type_name} is not a resource."
        raise wrong_parameter("INVALID_RESOURCE", parameter, "Invalid resource", detail)
    names = frozenset(value.split(",")) if value else frozenset()
    known = resource.attribute.keys() | resource.relationship.keys() | {"id", "type"}
    for name in names - known:
        detail = f"{name} is not a field of {type_name}."
        raise wrong_parameter("INVALID_FIELD", parameter, "Invalid field", detail)
    return names


def _parse_sort(resource: ResourceType, value: str) -> Sort:
    columns: dict[str, bool] = {}
    for key in value.split(",") if value else []:
        name = key.removeprefix("-")
        attribute = resource.attribute.get(name)
        column = "id" if name == "id" else _find_sort_column(attribute)
        if column is None:
            detail = f"{name} is not a valid sort criteria for {resource.name}."
            raise wrong_parameter("INVALID_SORT_CRITERIA", "sort", "Invalid sort criteria", detail)
        columns.setdefault(column, key.startswith("-"))
    return tuple(columns.items())


def _find_sort_column(attribute: Attribute | None) -> str | None:
    return attribute.column if attribute and attribute.type not in LISTS_AND_OBJECTS else None
