"""Insert new rows from the staging table into the shop's tables, set-based."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Insert, exists, func, literal, select

from order_factory.models.database.upserts import insert_new_rows, insert_or_update
from order_factory.tasks.imports.resources import Resource, imported_columns
from order_factory.tasks.imports.staging import staging_table
from order_factory.tasks.working_set.statements import at, times


def insert_staged_rows(db: Connection, resource: Resource, mode: str, now: datetime) -> Insert:
    """Insert the staged rows with new keys; if several have the same key, only the first.

    The `updated` columns of the resource are updated if the key exists.
    """
    staged = staging_table(resource.name)
    key_columns = [staged.c[name] for name in resource.key]
    position = func.row_number().over(partition_by=key_columns, order_by=staged.c.line)
    source = select(staged, position.label("position")).subquery("staged")
    values: dict[str, ColumnElement[Any]] = {
        column.name: source.c[column.name] for column in imported_columns(resource)
    }
    values |= {each.target: source.c[each.target] for each in resource.references}
    values |= {name: fill(source) for name, fill in resource.filled.items()}
    values |= times(at(now))
    if "mode" in resource.table.c:
        values["mode"] = literal(mode)
    rows = select(*values.values()).where(source.c.position == 1).order_by(source.c.line)
    if resource.updated:
        return insert_or_update(
            db, resource.table, list(values), rows, resource.key, resource.updated
        )
    exists_already = exists().where(resource.same_key(resource.table, source, mode))
    return insert_new_rows(db, resource.table, list(values), rows.where(~exists_already))
