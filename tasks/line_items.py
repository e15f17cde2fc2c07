"""The line items, with their options: a frozen copy, nothing recomputed."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Insert, and_, exists, func, select

from models import LineItem, LineItemOption
from models.dialects import others_may_write, reading_order
from tasks.batch import Batch
from tasks.inserts import carried, insert_select, table_of, times, unchanged, written
from tasks.line_sums import copied_lines_differ, is_left_out
from tasks.steps import TryAgain, step
from tasks.work_tables import copies, left_out_lines, line_sums

CARRIED = carried(LineItem, "order_id")
OPTION_CARRIED = carried(LineItemOption, "line_item_id")


def insert_line_items(db: Connection, now: datetime, *where: ColumnElement[bool]) -> Insert:
    """One line per source line of the sound copies that the conditions hold for.

    The lines of a target have their keys in the order of the source's.
    """
    line = table_of(LineItem)
    values = {
        "order_id": copies.c.target_order_id,
        "copied_from_id": line.c.id,
        **unchanged(CARRIED),
        **times(now),
    }
    rows = copies.join(line, line.c.order_id == copies.c.source_order_id)
    order = reading_order(db, copies.c.factory_id, line.c.id)
    return insert_select(LineItem, values, rows, copies.c.sound, *where, order_by=order)


def insert_line_item_options(db: Connection, now: datetime) -> Insert:
    """One option per option of the source lines that were copied."""
    option, line = table_of(LineItemOption), table_of(LineItem)
    values = {
        "line_item_id": line.c.id,
        "copied_from_id": option.c.id,
        **unchanged(OPTION_CARRIED),
        **times(now),
    }
    source = line.alias("source")
    # The target's lines come last: no statistics tell how many of them were copied.
    rows = copies.join(source, source.c.order_id == copies.c.source_order_id)
    rows = rows.join(option, option.c.line_item_id == source.c.id)
    rows = rows.join(
        line,
        and_(
            line.c.order_id == copies.c.target_order_id,
            line.c.copied_from_id == option.c.line_item_id,
        ),
    )
    order = reading_order(db, copies.c.factory_id, option.c.id)
    return insert_select(LineItemOption, values, rows, copies.c.sound, order_by=order)


@step(name="copy line items", field="line_items")
def copy_line_items(db: Connection, batch: Batch) -> int:
    """Copy the lines and their options; lines written.

    Raises `TryAgain` when the lines of a source order were changed since they were added up.
    """
    some_left_out = db.scalar(select(exists().select_from(left_out_lines)))
    kept = [~is_left_out()] if some_left_out else []
    lines = written(db, insert_line_items(db, batch.started_at, *kept))
    sums = line_sums.join(copies, copies.c.factory_id == line_sums.c.factory_id)
    counted = select(func.coalesce(func.sum(line_sums.c.lines), 0)).select_from(sums)
    expected = db.scalar(counted.where(copies.c.sound))
    if lines != expected or (others_may_write(db) and copied_lines_differ(db)):
        raise TryAgain("a source order was changed meanwhile")
    written(db, insert_line_item_options(db, batch.started_at))
    return lines
