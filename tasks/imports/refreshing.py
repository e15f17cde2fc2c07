"""Existing rows: finding the columns in which staged rows differ, and updating them."""

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
from order_factory.tasks.imports.resources import Resource, given_column, refreshable
from order_factory.tasks.imports.staging import staging_table
from order_factory.tasks.working_set.statements import at

_ASK = "differs from what is there; import with --update to take it over"


class Difference(NamedTuple):
    """A staged row that differs from the row that is there, in these columns of the file.

    `is_history` says that one of them is never changed, `is_again` that the row's key is in
    an earlier line of the chunk already.
    """

    line: int
    columns: list[str]
    is_history: bool
    is_again: bool


def find_differences(db: Connection, resource: Resource, mode: str) -> list[Difference]:
    """The staged rows that differ from what is there, by their lines; after new rows are inserted.

    What a row leaves out does not differ.
    """
    staged, stored = _numbered(resource), resource.table
    differs = _differences(resource, staged)
    if not differs:
        return []
    columns = [condition.label(f"differs_{name}") for name, condition in differs.items()]
    rows = select(staged.c.line, staged.c.place, _is_made_here(resource), *columns)
    rows = rows.join_from(staged, stored, resource.same_key(stored, staged, mode))
    history = set(resource.history)
    found = {}
    for line, place, is_made_here, *flags in db.execute(
        rows.where(or_(*differs.values())).order_by(staged.c.line)
    ):
        names = [name for name, flag in zip(differs, flags, strict=True) if flag]
        is_history = is_made_here or not history.isdisjoint(names)
        shown = [_file_columns(resource).get(name, name) for name in names]
        found[line] = Difference(line, shown, is_history, place > 1)
    return list(found.values())


def describe_differences(differences: list[Difference]) -> list[Reject]:
    """The lines of the rejects file for rows that differ, one per column."""
    rejects = []
    for each in differences:
        reason = _ASK
        if each.is_history:
            reason = "differs from what is there, and an import does not change it"
        elif each.is_again:
            reason = "differs from an earlier line with the same key, which is the one that counts"
        rejects += [Reject(each.line, column, reason) for column in each.columns]
    return rejects


def count_changes(differences: list[Difference]) -> Counter[str]:
    """How many of the rows differ in each column."""
    return Counter(column for each in differences for column in each.columns)


def take_over(resource: Resource, mode: str, now: datetime) -> Update:
    """Update the existing rows with the values of the staged rows, except history."""
    staged, stored = _numbered(resource), resource.table
    differs = _differences(resource, staged)
    changed = {name: given for name, given in _given(resource, staged).items() if name in differs}
    history = [differs[name] for name in resource.history if name in differs]
    refreshed = [differs[name] for name in refreshable(resource) if name in differs]
    values: dict[str, ColumnElement[Any]] = {
        name: case((given.is_not(None), given), else_=stored.c[name])
        for name, given in changed.items()
        if name not in resource.history
    }
    values |= _comparison_keys(resource, staged)
    values |= {
        name: stored.c[name] + values[changed_one] - stored.c[changed_one]
        for name, changed_one in resource.accounted.items()
    }
    return (
        update(stored)
        .values({**values, "updated_at": at(now)})
        .where(
            resource.same_key(stored, staged, mode),
            staged.c.place == 1,
            or_(false(), *refreshed),
            not_(or_(false(), *history)),
            not_(_is_made_here(resource)),
        )
        .execution_options(preserve_rowcount=True)
    )


def _numbered(resource: Resource) -> Subquery:
    """The staged rows, each with its position among those of the same key."""
    staged = staging_table(resource.name)
    same = [staged.c[name] for name in resource.key]
    place = func.row_number().over(partition_by=same, order_by=staged.c.line)
    return select(staged, place.label("place")).subquery("numbered")


def _given(resource: Resource, staged: Subquery) -> dict[str, ColumnElement[Any]]:
    """The row's value of each compared column; null when the row has no value."""
    defaults = resource.defaults
    return {
        name: staged.c[given_column(name) if name in defaults else name]
        for name in (*resource.history, *refreshable(resource))
        if name in staged.c
    }


def _differences(resource: Resource, staged: Subquery) -> dict[str, ColumnElement[bool]]:
    stored = resource.table
    return {
        name: and_(given.is_not(None), given.is_distinct_from(stored.c[name]))
        for name, given in _given(resource, staged).items()
    }


def _comparison_keys(resource: Resource, staged: Subquery) -> dict[str, ColumnElement[Any]]:
    """The comparison keys of the columns that may change, where the row gives them."""
    stored = resource.table
    return {
        key: func.coalesce(staged.c[key], stored.c[key])
        for key, name in resource.compared_by.items()
        if key in stored.c and name in refreshable(resource)
    }


def _is_made_here(resource: Resource) -> ColumnElement[bool]:
    """Whether a factory made the row that is there: its amounts and statuses are ours."""
    column = resource.table.c.get("order_factory_id")
    return false() if column is None else column.is_not(None)


def _file_columns(resource: Resource) -> dict[str, str]:
    """The file's column for each column of the table that names another row."""
    return {each.target: each.column for each in resource.references}
