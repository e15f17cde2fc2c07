"""Existing rows: find the columns in which staged rows differ, and update them."""

from collections import Counter
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Subquery,
    Update,
    and_,
    case,
    false,
    func,
    not_,
    or_,
    select,
    update,
)

from order_factory.tasks.imports.rejects import Reject
from order_factory.tasks.imports.resources import Resource, column_without_default, refreshable
from order_factory.tasks.imports.staging import staging_table
from order_factory.tasks.working_set.statements import at

_ADVICE = "differs from the existing row; import with --update to change it"


class Difference(NamedTuple):
    """A staged row that differs from the existing row in these columns of the file.

    `is_history`: an import never changes one of these columns. `is_repeated`: an earlier line of
    the chunk has the same key.
    """

    line: int
    columns: list[str]
    is_history: bool
    is_repeated: bool


def find_differences(db: Connection, resource: Resource, mode: str) -> list[Difference]:
    """Return the staged rows that differ from existing rows, sorted by line.

    Call it after new rows are inserted. Values that a row leaves out do not differ.
    """
    staged, stored = _numbered(resource), resource.table
    differs = _differences(resource, staged)
    if not differs:
        return []
    columns = [condition.label(f"differs_{name}") for name, condition in differs.items()]
    rows = select(staged.c.line, staged.c.position, _is_from_factory(resource), *columns)
    rows = rows.join_from(staged, stored, resource.same_key(stored, staged, mode))
    history = set(resource.history)
    differences = {}
    for line, position, is_from_factory, *flags in db.execute(
        rows.where(or_(*differs.values())).order_by(staged.c.line)
    ):
        names = [name for name, flag in zip(differs, flags, strict=True) if flag]
        is_history = is_from_factory or not history.isdisjoint(names)
        shown = [_file_columns(resource).get(name, name) for name in names]
        differences[line] = Difference(line, shown, is_history, position > 1)
    return list(differences.values())


def describe_differences(differences: list[Difference]) -> list[Reject]:
    """Return the rejects for rows that differ, one per column."""
    rejects = []
    for each in differences:
        reason = _ADVICE
        if each.is_history:
            reason = "differs from the existing row, and an import does not change it"
        elif each.is_repeated:
            reason = "differs from an earlier line with the same key; the earlier line is used"
        rejects += [Reject(each.line, column, reason) for column in each.columns]
    return rejects


def count_changes(differences: list[Difference]) -> Counter[str]:
    """Return how many rows differ in each column."""
    return Counter(column for each in differences for column in each.columns)


def update_rows(resource: Resource, mode: str, now: datetime) -> Update:
    """Update the existing rows with the values of the staged rows, except history."""
    staged, stored = _numbered(resource), resource.table
    differs = _differences(resource, staged)
    changed = {
        name: value for name, value in _staged_values(resource, staged).items() if name in differs
    }
    history = [differs[name] for name in resource.history if name in differs]
    refreshed = [differs[name] for name in refreshable(resource) if name in differs]
    values: dict[str, ColumnElement[Any]] = {
        name: case((value.is_not(None), value), else_=stored.c[name])
        for name, value in changed.items()
        if name not in resource.history
    }
    values |= _comparison_keys(resource, staged)
    values |= {
        name: stored.c[name] + values[source] - stored.c[source]
        for name, source in resource.accounted.items()
    }
    return (
        update(stored)
        .values({**values, "updated_at": at(now)})
        .where(
            resource.same_key(stored, staged, mode),
            staged.c.position == 1,
            or_(false(), *refreshed),
            not_(or_(false(), *history)),
            not_(_is_from_factory(resource)),
        )
        .execution_options(preserve_rowcount=True)
    )


def _numbered(resource: Resource) -> Subquery:
    """Select the staged rows, each with its position among the rows with the same key."""
    staged = staging_table(resource.name)
    key_columns = [staged.c[name] for name in resource.key]
    position = func.row_number().over(partition_by=key_columns, order_by=staged.c.line)
    return select(staged, position.label("position")).subquery("numbered")


def _staged_values(resource: Resource, staged: Subquery) -> dict[str, ColumnElement[Any]]:
    """Return the staged value of each compared column; null if the row has no value."""
    defaults = resource.defaults
    return {
        name: staged.c[column_without_default(name) if name in defaults else name]
        for name in (*resource.history, *refreshable(resource))
        if name in staged.c
    }


def _differences(resource: Resource, staged: Subquery) -> dict[str, ColumnElement[bool]]:
    stored = resource.table
    return {
        name: and_(value.is_not(None), value.is_distinct_from(stored.c[name]))
        for name, value in _staged_values(resource, staged).items()
    }


def _comparison_keys(resource: Resource, staged: Subquery) -> dict[str, ColumnElement[Any]]:
    """Return the comparison keys of the columns that may change, or the stored ones."""
    stored = resource.table
    return {
        key: func.coalesce(staged.c[key], stored.c[key])
        for key, name in resource.compared_by.items()
        if key in stored.c and name in refreshable(resource)
    }


def _is_from_factory(resource: Resource) -> ColumnElement[bool]:
    """Return whether a factory made the existing row, whose amounts and statuses are then ours."""
    column = resource.table.c.get("order_factory_id")
    return false() if column is None else column.is_not(None)


def _file_columns(resource: Resource) -> dict[str, str]:
    """Return the file's column for each column of the table that refers to another row."""
    return {each.target: each.column for each in resource.references}
