"""The line items and their options: exact copies of the source order's."""

from functools import cache

from sqlalchemy import Connection, Insert, and_, case, exists, false, func, not_, select

from order_factory.models.database.dialects import reads_in_order, snapshot
from order_factory.models.database.foreign_keys import skipping_key_checks
from order_factory.models.errors import TryAgain
from order_factory.models.tables import LineItem, LineItemOption
from order_factory.models.values.copy_options import LINE_CHANGES
from order_factory.tasks.copying.changed_lines import (
    SOME_LINES_CHANGED,
    change_discounts,
    copy_changed_lines,
)
from order_factory.tasks.copying.merging import update_merged_orders
from order_factory.tasks.copying.reductions import SOME_LACK_PIECES, reduce_amounts
from order_factory.tasks.working_set.batch import Batch
from order_factory.tasks.working_set.copy_errors import select_any_copy
from order_factory.tasks.working_set.kept_parts import (
    KEEPS_AS_USUAL,
    LINE_MARKS,
    kept_columns,
    usual_columns,
)
from order_factory.tasks.working_set.line_totals import copied_lines_differ, is_left_out
from order_factory.tasks.working_set.statements import (
    NOW,
    columns_by_name,
    copied_columns,
    execute_and_count,
    insert_select,
    table_of,
    times,
)
from order_factory.tasks.working_set.step import step
from order_factory.tasks.working_set.tables import copies, left_out_lines, line_sums

COPIED_COLUMNS = copied_columns(LineItem, "order_id")
COPIED_OPTION_COLUMNS = copied_columns(LineItemOption, "line_item_id")

_line, _option = table_of(LineItem), table_of(LineItemOption)


@cache
def insert_line_items(*, sort: bool, some_left_out: bool, as_usual: bool = False) -> Insert:
    """Insert the source lines of the valid copies, without those that are left out.

    The new lines keep the order of the source lines. Set `sort` if the database does not read the
    lines in that order by itself, and `as_usual` if all copies keep what `KEEPS_AS_USUAL` says.
    """
    values = {
        "order_id": copies.c.target_order_id,
        "copied_from_id": _line.c.id,
        **columns_by_name(COPIED_COLUMNS),
        **(usual_columns(_line) if as_usual else kept_columns(_line, *LINE_MARKS)),
        **times(NOW),
    }
    rows = copies.join(_line, _line.c.order_id == copies.c.source_order_id)
    where = (copies.c.valid, *([~is_left_out()] if some_left_out else []))
    order = (copies.c.factory_id, _line.c.id) if sort else ()
    return insert_select(LineItem, values, rows, *where, order_by=order)


@cache
def insert_line_item_options(*, sort: bool) -> Insert:
    """Insert the options of the source lines that were copied, in the same order."""
    values = {
        "line_item_id": _line.c.id,
        "copied_from_id": _option.c.id,
        **columns_by_name(COPIED_OPTION_COLUMNS),
        **kept_columns(_option),
        **times(NOW),
    }
    source = _line.alias("source")
    # The target's lines are joined last, because the database has no statistics of new rows.
    rows = copies.join(source, source.c.order_id == copies.c.source_order_id)
    rows = rows.join(_option, _option.c.line_item_id == source.c.id)
    rows = rows.join(
        _line,
        and_(
            _line.c.order_id == copies.c.target_order_id,
            _line.c.copied_from_id == _option.c.line_item_id,
        ),
    )
    order = (copies.c.factory_id, _option.c.id) if sort else ()
    return insert_select(LineItemOption, values, rows, copies.c.valid, order_by=order)


_some_of_copies = (
    exists()
    .select_from(copies)
    .where(_line.c.order_id == copies.c.source_order_id, _option.c.line_item_id == _line.c.id)
)
# Many shops have no options at all, and that is a quick query.
_SOME_OPTION = select(case((exists(select(_option.c.id)), _some_of_copies), else_=false()))
_EXPECTED_COUNT = (
    select(func.coalesce(func.sum(line_sums.c.lines), 0))
    .select_from(line_sums)
    .join(copies, copies.c.factory_id == line_sums.c.factory_id)
    .where(copies.c.valid)
)

# Whether some lines are left out, changed or copied with fewer pieces, and whether some copies keep
# something other than usual.
_DEVIATIONS = select(
    exists().select_from(left_out_lines),
    SOME_LINES_CHANGED.scalar_subquery(),
    SOME_LACK_PIECES.scalar_subquery(),
    select_any_copy(copies.c.merges).scalar_subquery(),
    exists().where(not_(KEEPS_AS_USUAL)),
)


@step(
    name="copy line items",
    field="line_items",
    errors=("line_items", "tax_rate", *LINE_CHANGES, "merge_into"),
    idle="The source order has no line item to copy.",
)
def copy_line_items(db: Connection, batch: Batch) -> int:
    """Copy the lines and their options. Returns the number of lines.

    Lines with too little stock get fewer pieces. Raises `TryAgain` if the lines of a source order
    were changed after the check.
    """
    now, sort = batch.started_at, not reads_in_order(db)
    deviations = db.execute(_DEVIATIONS).one()
    some_left_out, some_changed, some_lack_pieces, some_merged, some_keep = deviations
    with skipping_key_checks(db, _line, few=batch.single):
        copy = insert_line_items(
            sort=sort, some_left_out=bool(some_left_out), as_usual=not some_keep
        )
        lines = execute_and_count(db, copy, now=now)
    if some_changed:
        lines += copy_changed_lines(db, now)
    changed = lines != db.scalar(_EXPECTED_COUNT)
    # With the same snapshot, no other transaction has changed anything.
    if changed or (snapshot(db) != batch.snapshot and copied_lines_differ(db)):
        raise TryAgain("a source order was changed during the copy")
    if db.scalar(_SOME_OPTION):
        execute_and_count(db, insert_line_item_options(sort=sort), now=now)
    if some_lack_pieces:
        reduce_amounts(db)
    if some_changed:
        change_discounts(db)
    if some_merged:
        update_merged_orders(db)
    return lines
