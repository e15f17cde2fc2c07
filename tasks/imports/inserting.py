"""Inserting new rows from the staging table into the shop's tables, set-based."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Insert, exists, func, literal, select

from order_factory.models.database.upserts import insert_new_rows, insert_or_update
from order_factory.tasks.imports.resources import Resource, imported_columns
from order_factory.tasks.imports.staging import staging_table
from order_factory.tasks.working_set.statements import at, times


def insert_staged_rows(db: Connection, resource: Resource, mode: str, now: datetime) -> Insert:
    """One row per staged row with a new key; of several with the same key, the first.

    What the resource lets be changed is changed where the key is there.
    """
    staged = staging_table(resource.name)
    same = [staged.c[name] for name in resource.key]
    place = func.row_number().over(partition_by=same, order_by=staged.c.line)
    source = select(staged, place.label("place")).subquery("staged")
    values: dict[str, ColumnElement[Any]] = {
        column.name: source.c[column.name] for column in imported_columns(resource)
    }
    values |= {each.target: source.c[each.target] for each in resource.references}
    values |= {name: fill(source) for name, fill in resource.filled.items()}
    values |= times(at(now))
    if "mode" in resource.table.c:
        values["mode"] = literal(mode)
    rows = select(*values.values()).where(source.c.place == 1).order_by(source.c.line)
    if resource.updated:
        return insert_or_update(
            db, resource.table, list(values), rows, resource.key, resource.updated
        )
    there = exists().where(resource.same_key(resource.table, source, mode))
    return insert_new_rows(db, resource.table, list(values), rows.where(~there))
