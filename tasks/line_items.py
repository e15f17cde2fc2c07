"""The line items, with their options: a frozen copy, nothing recomputed."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Insert, exists, func, select

from models import LineItem, LineItemOption
from tasks.batch import Batch
from tasks.inserts import carried, insert_select, table_of, times, unchanged, written
from tasks.line_sums import is_left_out
from tasks.steps import TryAgain, step
from tasks.work_tables import copies, left_out_lines, line_sums

CARRIED = carried(LineItem, "order_id")
OPTION_CARRIED = carried(LineItemOption, "line_item_id")


def insert_line_items(now: datetime, *where: ColumnElement[bool]) -> Insert:
    """One line per source line of the sound copies that the conditions hold for."""
    line = table_of(LineItem)
    values = {
        "order_id": copies.c.target_order_id,
        "copied_from_id": line.c.id,
        **unchanged(CARRIED),
        **times(now),
    }
    rows = copies.join(line, line.c.order_id == copies.c.source_order_id)
    return insert_select(LineItem, values, rows, copies.c.sound, *where)


def insert_line_item_options(now: datetime) -> Insert:
    """One option per option of the source lines that were copied."""
    option, line = table_of(LineItemOption), table_of(LineItem)
    values = {
        "line_item_id": line.c.id,
        "copied_from_id": option.c.id,
        **unchanged(OPTION_CARRIED),
        **times(now),
    }
    rows = copies.join(line, line.c.order_id == copies.c.target_order_id)
    rows = rows.join(option, option.c.line_item_id == line.c.copied_from_id)
    return insert_select(LineItemOption, values, rows, copies.c.sound)


@step(name="copy line items", field="line_items")
def copy_line_items(db: Connection, batch: Batch) -> int:
    """Copy the lines and their options; lines written.

    Raises `TryAgain` when a source order got or lost lines since they were added up.
    """
    some_left_out = db.scalar(select(exists().select_from(left_out_lines)))
    lines = written(
        db, insert_line_items(batch.started_at, *([~is_left_out()] if some_left_out else []))
    )
    sums = line_sums.join(copies, copies.c.factory_id == line_sums.c.factory_id)
    counted = select(func.coalesce(func.sum(line_sums.c.lines), 0)).select_from(sums)
    expected = db.scalar(counted.where(copies.c.sound))
    if lines != expected:
        raise TryAgain("a source order was changed meanwhile")
    written(db, insert_line_item_options(batch.started_at))
    return lines
