"""Included resources: one query for each relationship of the paths, for any number of rows."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Integer, Select, bindparam, select

from order_factory.api.errors import wrong_parameter
from order_factory.api.query.parameters import Includes
from order_factory.api.resources.description import Relationship, ResourceType, Row
from order_factory.api.resources.registry import RESOURCES
from order_factory.api.rows import add_derived, fetch_rows, find_time_columns
from order_factory.api.settings import api_settings
from order_factory.models.database.quick_statements import QuickSelect
from order_factory.models.database.time_limits import check_time_limit

# The keys of the related rows, by relationship.
Linkage = dict[str, list[int]]
_LINK = "_link"


@dataclass
class Graph:
    """The included rows and their links.

    `rows` has each included row once, by type and key. `links` has the keys of the related rows, by
    the type and key of the row to which they are related.
    """

    rows: dict[tuple[str, int], Row] = field(default_factory=dict)
    links: dict[tuple[str, int], Linkage] = field(default_factory=dict)


def include(
    db: Connection, resource: ResourceType, rows: Sequence[Row], includes: Includes, mode: str
) -> Graph:
    """Return all rows that the include paths reach. Raises `ApiError` if there are too many."""
    graph = Graph()
    _follow(db, resource, rows, includes, mode, graph)
    for row in rows:
        graph.rows.pop((resource.name, row["id"]), None)
    return graph


def _follow(
    db: Connection,
    resource: ResourceType,
    rows: Sequence[Row],
    includes: Includes,
    mode: str,
    graph: Graph,
) -> None:
    for name, beyond in includes.items():
        check_time_limit()
        relationship = resource.relationship[name]
        target = RESOURCES[relationship.target]
        related_rows = _read_related(db, relationship, target, rows, mode)
        by_link: dict[Any, list[Row]] = defaultdict(list)
        for each in related_rows:
            by_link[each[_LINK]].append(each)
        for row in rows:
            keys = [each["id"] for each in by_link.get(row[relationship.near], ())]
            graph.links.setdefault((resource.name, row["id"]), {})[name] = keys
        for each in related_rows:
            graph.rows.setdefault((target.name, each["id"]), each)
        if len(graph.rows) > api_settings().include_limit:
            most = api_settings().include_limit
            detail = f"More than {most} resources would be included."
            raise wrong_parameter("INVALID_INCLUDE", "include", "Invalid include", detail)
        if beyond and related_rows:
            _follow(db, target, related_rows, beyond, mode, graph)


def _read_related(
    db: Connection,
    relationship: Relationship,
    target: ResourceType,
    rows: Sequence[Row],
    mode: str,
) -> Sequence[Row]:
    """Return the related rows of these rows, each with the value that links them."""
    near = {row[relationship.near] for row in rows} - {None}
    if not near:
        return []
    most = api_settings().include_limit + 1
    statement = _select_linked_to_several(relationship, target.name, mode)
    return fetch_rows(db, target, statement, {"near": sorted(near), "most": most})


@lru_cache(maxsize=1_024)
def _select_linked_to_several(
    relationship: Relationship, target_name: str, mode: str
) -> QuickSelect:
    """Return the statement for related rows of several rows; cached, as building it is slow."""
    target = RESOURCES[target_name]
    near: Any = bindparam("near", expanding=True)
    linked = get_link_column(relationship, target).in_(near)
    statement = select_linked(relationship, target, mode).where(linked)
    most = bindparam("most", type_=Integer)
    limited = statement.order_by(target.table.c.id).limit(most)
    derived = add_derived(target, limited, lambda shown: [shown.c.id])
    return QuickSelect(derived, find_time_columns(target))


def select_linked(relationship: Relationship, target: ResourceType, mode: str) -> Select[Any]:
    """Select the visible rows that a relationship may reach, each with the value that links it."""
    link = get_link_column(relationship, target).label(_LINK)
    statement = select(target.table, link).where(target.scope(target.table, mode))
    if relationship.only is not None:
        statement = statement.where(relationship.only(target.table))
    if relationship.through is not None:
        between = relationship.through.table
        statement = statement.join(
            between, between.c[relationship.through.far] == target.table.c[relationship.far]
        )
    return statement


def get_link_column(relationship: Relationship, target: ResourceType) -> Any:
    """Return the column that is compared with the column of the row where the path begins."""
    if relationship.through is not None:
        return relationship.through.table.c[relationship.through.near]
    return target.table.c[relationship.far]
