"""Leave discounts of the source orders out of copies."""

from sqlalchemy import ColumnElement, Connection, and_, func, insert, not_, select, true

from order_factory.models.database.dialects import analyze_table
from order_factory.models.tables import LineItem
from order_factory.models.values.statuses import DISCOUNTS, PROMOTIONS
from order_factory.tasks.working_set.line_totals import is_left_out
from order_factory.tasks.working_set.statements import table_of
from order_factory.tasks.working_set.tables import copies, left_out_lines

_line = table_of(LineItem)


def leave_promotions_out(db: Connection) -> None:
    """Leave the promotions out of copies that recompute them. Call before anything is left out."""
    _leave_out(db, copies.c.apply_promotions, _line.c.item_type.in_(PROMOTIONS), true())


def leave_coupon_discounts_out(db: Connection, condition: ColumnElement[bool]) -> None:
    """Leave the discounts of the coupon out of the copies that leave the coupon out."""
    # The line and its order may write the same code in different letter case.
    same_code = func.lower(_line.c.coupon_code) == func.lower(copies.c.coupon_code)
    of_coupon = and_(_line.c.item_type.in_(DISCOUNTS), same_code)
    _leave_out(db, condition, of_coupon, not_(is_left_out()))


def _leave_out(
    db: Connection,
    condition: ColumnElement[bool],
    lines: ColumnElement[bool],
    is_remaining: ColumnElement[bool],
) -> None:
    # MATERIALIZED reads the lines of these copies first. Otherwise PostgreSQL would begin with
    # all discount lines of the shop, since they are few.
    read = (
        select(copies.c.factory_id, _line.c.id, lines.label("fits"))
        .join(_line, _line.c.order_id == copies.c.source_order_id)
        .where(condition, is_remaining)
        .cte("read")
        .prefix_with("MATERIALIZED")
    )
    rows = select(read.c.factory_id, read.c.id).where(read.c.fits)
    db.execute(insert(left_out_lines).from_select(["factory_id", "line_item_id"], rows))
    analyze_table(db, left_out_lines)
