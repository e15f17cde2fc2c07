"""The selection of an export: the resources, rows and columns that it writes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from sqlalchemy import Column, ColumnElement, FromClause, Select, or_, select

from order_factory.models.errors import InvalidRequest
from order_factory.tasks.exports.columns import find_referenced_table
from order_factory.tasks.exports.resources import EXPORTED, ExportResource

# Whether a row of a resource's table is selected.
Condition = Callable[[FromClause], ColumnElement[bool]]
ALL = "all"
_MOST_STEPS = 5
_LEFT_OUT_IF_DRY = ("id", "created_at", "updated_at")


@dataclass(frozen=True)
class Relation:
    """The rows of `target` to which a row refers by `columns`. With `back`, they refer to it."""

    target: str
    columns: tuple[Column[Any], ...]
    back: bool


@cache
def list_relations(resource: ExportResource) -> dict[str, Relation]:
    """Return the relations that can be included with a resource, such as `customer`, by name.

    They are the foreign keys of the tables, in both directions.
    """
    resource_of_table = {each.table.name: each for each in EXPORTED.values() if each.only is None}
    relations = {}
    for column in resource.table.c:
        other_table = find_referenced_table(column)
        if (
            other_table is not None
            and other_table.name in resource_of_table
            and other_table is not resource.table
        ):
            name = column.name.removesuffix("_id")
            relations[name] = Relation(
                resource_of_table[other_table.name].name, (column,), back=False
            )
    for other in resource_of_table.values():
        if other.table is resource.table:
            continue
        columns = tuple(
            each for each in other.table.c if find_referenced_table(each) is resource.table
        )
        if columns:
            relations.setdefault(other.name, Relation(other.name, columns, back=True))
    return relations


class Selection:
    """The rows of one mode to export, as conditions for each resource."""

    def __init__(self, mode: str) -> None:
        self._mode = mode
        # None means all rows.
        self._conditions: dict[str, list[Condition | None]] = {}
        self._columns: dict[str, set[str]] = {}
        self._left_out: set[str] = set()

    @property
    def resources(self) -> list[ExportResource]:
        """The selected resources. A resource comes after those to which it refers."""
        return [
            self._choose_columns(EXPORTED[name]) for name in EXPORTED if name in self._conditions
        ]

    def choose(self, resource: ExportResource, column: str) -> None:
        """Choose a column of a resource. Only the chosen columns are written. `*` chooses all.

        Raises `InvalidRequest` for a column that the resource does not have.
        """
        known = {each.name for each in resource.described.columns}
        if column != "*" and column not in known:
            raise InvalidRequest(
                f"{column!r} is no column of {resource.name}. Use '*' or some of: "
                f"{', '.join(sorted(known))}."
            )
        self._columns.setdefault(resource.name, set()).update(known if column == "*" else [column])

    def leave_out(self, columns: Iterable[str]) -> None:
        """Leave these columns out of every resource."""
        self._left_out.update(columns)

    def _choose_columns(self, resource: ExportResource) -> ExportResource:
        known = {each.name for each in resource.described.columns}
        left_out = self._left_out | (known - self._columns.get(resource.name, known))
        return replace(resource, left_out=frozenset(left_out)) if left_out & known else resource

    def add(self, resource: ExportResource, condition: Condition | None = None) -> None:
        self._conditions.setdefault(resource.name, []).append(condition)

    def include(
        self, resource: ExportResource, path: str, condition: Condition | None = None
    ) -> ExportResource:
        """Add the rows to which a path of relations leads. Returns the resource at its end.

        The path starts at the rows that meet the condition. Raises `InvalidRequest` for a name that
        is no relation.
        """
        names = path.split(".")
        if len(names) > _MOST_STEPS:
            raise InvalidRequest(f"The include {path!r} has more than {_MOST_STEPS} steps.")
        for name in names:
            relation = list_relations(resource).get(name)
            if relation is None:
                known = ", ".join(sorted(list_relations(resource)))
                raise InvalidRequest(
                    f"{name!r} cannot be included with {resource.name}. Use one of: {known}."
                )
            condition = self._follow(resource, relation, condition)
            resource = EXPORTED[relation.target]
            self.add(resource, condition)
        return resource

    def rows(self, resource: ExportResource) -> Select[Any]:
        """Select the rows of a resource, in the order of their keys."""
        where = [resource.is_in(resource.table, self._mode)]
        conditions = self._conditions[resource.name]
        if None not in conditions:
            where.append(or_(*(each(resource.table) for each in conditions if each is not None)))
        return resource.select().where(*where).order_by(resource.table.c.id)

    def _follow(
        self, resource: ExportResource, relation: Relation, condition: Condition | None
    ) -> Condition | None:
        columns = relation.columns
        if relation.back and condition is None and resource.only is None:
            # All rows are selected, and with them every row that refers to one of them.
            if any(not column.nullable for column in columns):
                return None
            return lambda rows: or_(*(rows.c[each.name].is_not(None) for each in columns))

        def is_reached(rows: FromClause) -> ColumnElement[bool]:
            start = resource.table.alias()
            where = [resource.is_in(start, self._mode)]
            if condition is not None:
                where.append(condition(start))
            if relation.back:
                keys = select(start.c.id).where(*where)
                return or_(*(rows.c[each.name].in_(keys) for each in columns))
            (column,) = columns
            key = start.c[column.name]
            return rows.c.id.in_(select(key).where(*where, key.is_not(None)))

        return is_reached


def select_export(
    name: str,
    mode: str,
    include: Sequence[str] = (),
    condition: Condition | None = None,
    *,
    fields: Sequence[str] = (),
    dry: bool = False,
) -> Selection:
    """Return a selection: the rows of a resource that meet the condition, and their includes.

    With `fields`, only these columns are written, such as `number`, `line_items.sku_code` or
    `customer.*`. Their resources are included. With `dry`, the ids and the times of rows are left
    out. The name `all` selects everything that an import can read. Raises `InvalidRequest` for an
    unknown resource, and for includes, fields and conditions that do not fit it.
    """
    selection = Selection(mode)
    if dry:
        selection.leave_out(_LEFT_OUT_IF_DRY)
    if name == ALL:
        if include or fields or condition is not None:
            raise InvalidRequest(
                f"{ALL!r} exports everything: give no include, no fields and no filter."
            )
        for resource in EXPORTED.values():
            if resource.importable:
                selection.add(resource)
        return selection
    chosen = EXPORTED.get(name)
    if chosen is None:
        known = ", ".join((ALL, *EXPORTED))
        raise InvalidRequest(f"There is no resource {name!r} to export. Use one of: {known}.")
    selection.add(chosen, condition)
    for path in include:
        selection.include(chosen, path, condition)
    for field in fields:
        path, _, column = field.rpartition(".")
        end = selection.include(chosen, path, condition) if path else chosen
        selection.choose(end, column)
    return selection
