"""From the staging table into the shop: what is not there yet, set-based."""

from datetime import datetime

from sqlalchemy import Connection, Insert, exists, func, literal, or_, select

from tasks.imports.dialects import insert_unless_there
from tasks.imports.rejects import Reject
from tasks.imports.resources import Resource, carried
from tasks.imports.staging import staging_table
from tasks.inserts import times


def insert_new_rows(db: Connection, resource: Resource, mode: str, now: datetime) -> Insert:
    """One row per staged row whose key is not there yet; of the same key the first line's."""
    staged = staging_table(resource.name)
    same = [staged.c[name] for name in resource.key]
    place = func.row_number().over(partition_by=same, order_by=staged.c.line)
    source = select(staged, place.label("place")).subquery("staged")
    values = {column.name: source.c[column.name] for column in carried(resource)}
    values |= {each.target: source.c[each.target] for each in resource.references}
    values |= {name: fill(source) for name, fill in resource.filled.items()}
    values |= times(now)
    if "mode" in resource.table.c:
        values["mode"] = literal(mode)
    there = exists().where(resource.same_key(resource.table, source, mode))
    rows = select(*values.values()).where(source.c.place == 1, ~there).order_by(source.c.line)
    return insert_unless_there(db, resource.table, list(values), rows)


def find_contradictions(db: Connection, resource: Resource, mode: str) -> list[Reject]:
    """The staged rows whose key is there with other facts: as another row, which stays as it is."""
    if not resource.facts:
        return []
    staged, stored = staging_table(resource.name), resource.table
    differs = or_(*(stored.c[name].is_distinct_from(staged.c[name]) for name in resource.facts))
    query = select(staged.c.line).where(
        exists().where(resource.same_key(stored, staged, mode), differs)
    )
    # of two originals with the same key one may agree
    agrees = exists().where(resource.same_key(stored, staged, mode), ~differs)
    reason = f"is there already, with another value of one of {', '.join(resource.facts)}"
    return [Reject(line, resource.key[-1], reason) for line in db.scalars(query.where(~agrees))]
