"""Which rows of which resources an export writes: a selection, and what it leads to."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from sqlalchemy import Column, ColumnElement, FromClause, Select, or_, select

from order_factory.models.errors import InvalidRequest
from order_factory.tasks.exports.columns import referenced_table
from order_factory.tasks.exports.resources import EXPORTED, ExportResource

# Whether a row of a resource's table is selected.
Condition = Callable[[FromClause], ColumnElement[bool]]
ALL = "all"
_MOST_STEPS = 5
_OF_THE_DATABASE = ("id", "created_at", "updated_at")


@dataclass(frozen=True)
class Relation:
    """The rows of `target` that a row refers to by `columns`; with `back`, that refer to it."""

    target: str
    columns: tuple[Column[Any], ...]
    back: bool


@cache
def relations_of(resource: ExportResource) -> dict[str, Relation]:
    """What can be included with a resource, by name: `customer`, `line_items`.

    They are the foreign keys of the tables, in both directions.
    """
    own = {each.table.name: each for each in EXPORTED.values() if each.only is None}
    found = {}
    for column in resource.table.c:
        there = referenced_table(column)
        if there is not None and there.name in own and there is not resource.table:
            name = column.name.removesuffix("_id")
            found[name] = Relation(own[there.name].name, (column,), back=False)
    for other in own.values():
        if other.table is resource.table:
            continue
        columns = tuple(each for each in other.table.c if referenced_table(each) is resource.table)
        if columns:
            found.setdefault(other.name, Relation(other.name, columns, back=True))
    return found


class Selection:
    """The rows to export of each resource, as conditions; those of a mode alone."""

    def __init__(self, mode: str) -> None:
        self._mode = mode
        # None stands for all rows.
        self._conditions: dict[str, list[Condition | None]] = {}
        self._columns: dict[str, set[str]] = {}
        self._left_out: set[str] = set()

    @property
    def resources(self) -> list[ExportResource]:
        """The resources, those that others depend on first."""
        return [self._restricted(EXPORTED[name]) for name in EXPORTED if name in self._conditions]

    def choose(self, resource: ExportResource, column: str) -> None:
        """Write this column of a resource, and no others that are not chosen; `*` is all.

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
        """Write these columns of no resource."""
        self._left_out.update(columns)

    def _restricted(self, resource: ExportResource) -> ExportResource:
        known = {each.name for each in resource.described.columns}
        left_out = self._left_out | (known - self._columns.get(resource.name, known))
        return replace(resource, left_out=frozenset(left_out)) if left_out & known else resource

    def add(self, resource: ExportResource, condition: Condition | None = None) -> None:
        self._conditions.setdefault(resource.name, []).append(condition)

    def include(
        self, resource: ExportResource, path: str, condition: Condition | None = None
    ) -> ExportResource:
        """Add what a path of relations leads to from the rows that meet the condition; its end.

        Raises `InvalidRequest` for a name that is no relation.
        """
        names = path.split(".")
        if len(names) > _MOST_STEPS:
            raise InvalidRequest(f"The include {path!r} has more than {_MOST_STEPS} steps.")
        for name in names:
            relation = relations_of(resource).get(name)
            if relation is None:
                known = ", ".join(sorted(relations_of(resource)))
                raise InvalidRequest(
                    f"{name!r} cannot be included with {resource.name}. Use one of: {known}."
                )
            condition = self._beyond(resource, relation, condition)
            resource = EXPORTED[relation.target]
            self.add(resource, condition)
        return resource

    def rows(self, resource: ExportResource) -> Select[Any]:
        """The selected rows of a resource, in the order of their keys."""
        fits = [resource.is_in(resource.table, self._mode)]
        conditions = self._conditions[resource.name]
        if None not in conditions:
            fits.append(or_(*(each(resource.table) for each in conditions if each is not None)))
        return resource.select().where(*fits).order_by(resource.table.c.id)

    def _beyond(
        self, resource: ExportResource, relation: Relation, condition: Condition | None
    ) -> Condition | None:
        columns = relation.columns
        if relation.back and condition is None and resource.only is None:
            # All rows are selected, so that whatever refers to one of them is.
            if any(not column.nullable for column in columns):
                return None
            return lambda rows: or_(*(rows.c[each.name].is_not(None) for each in columns))

        def reached(rows: FromClause) -> ColumnElement[bool]:
            near = resource.table.alias()
            fits = [resource.is_in(near, self._mode)]
            if condition is not None:
                fits.append(condition(near))
            if relation.back:
                keys = select(near.c.id).where(*fits)
                return or_(*(rows.c[each.name].in_(keys) for each in columns))
            (column,) = columns
            key = near.c[column.name]
            return rows.c.id.in_(select(key).where(*fits, key.is_not(None)))

        return reached


def select_export(
    name: str,
    mode: str,
    include: Sequence[str] = (),
    condition: Condition | None = None,
    *,
    fields: Sequence[str] = (),
    dry: bool = False,
) -> Selection:
    """The selection of the rows of a resource that meet the condition, and of what is included.

    `fields` are the only columns to write, and include what they are of: `number`,
    `line_items.sku_code`, `customer.*`. With `dry`, ids and the times of rows are not written. The
    name `all` is everything that an import can read. Raises `InvalidRequest` for an unknown
    resource, and for includes and conditions that do not go with it.
    """
    selection = Selection(mode)
    if dry:
        selection.leave_out(_OF_THE_DATABASE)
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
