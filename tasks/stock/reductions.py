"""Reduce lines to the pieces that are left of their SKU (`stock = partial`)."""

from sqlalchemy import ColumnElement, Connection, Subquery, and_, case, func, insert, not_, select

from order_factory.models.tables import LineItem
from order_factory.models.values.statuses import ItemType
from order_factory.tasks.working_set.line_totals import is_left_out
from order_factory.tasks.working_set.statements import table_of
from order_factory.tasks.working_set.tables import (
    GRANTED,
    copies,
    flagged_skus,
    left_out_lines,
    reduced_lines,
)

_line = table_of(LineItem)


def count_pieces_left(wants: Subquery) -> ColumnElement[int]:
    """Return the pieces that earlier orders leave for a row of `select_wanted_before`."""
    remaining = wants.c.available - wants.c.before
    return case((remaining < 0, 0), else_=remaining)


def is_reducible(wants: Subquery) -> ColumnElement[bool]:
    """Whether the copy gets the pieces that are left. A copy with another error gets none."""
    return and_(wants.c.partial, wants.c.state == GRANTED)


def reduce_lines(db: Connection, wants: Subquery) -> None:
    """Reduce the lines that get only some of their pieces, and leave out those that get none.

    Several lines of one order and SKU share what is left, earlier lines first.
    """
    before = func.sum(_line.c.quantity).over(
        partition_by=(wants.c.factory_id, wants.c.sku_id), order_by=_line.c.id, rows=(None, -1)
    )
    served = (
        select(
            wants.c.factory_id,
            _line.c.id,
            (count_pieces_left(wants) - func.coalesce(before, 0)).label("quantity"),
            _line.c.quantity.label("wanted"),
        )
        .select_from(wants)
        .join(flagged_skus, flagged_skus.c.sku_id == wants.c.sku_id)
        .join(copies, copies.c.factory_id == wants.c.factory_id)
        .join(_line, _line.c.order_id == copies.c.source_order_id)
        .where(
            is_reducible(wants),
            wants.c.quantity > count_pieces_left(wants),
            _line.c.item_type == ItemType.SKUS,
            _line.c.sku_code == flagged_skus.c.sku_code,
            _line.c.quantity > 0,
            not_(is_left_out()),
        )
        .subquery("served")
    )
    reduced = select(served).where(served.c.quantity > 0, served.c.quantity < served.c.wanted)
    names = ["factory_id", "line_item_id", "quantity", "wanted"]
    db.execute(insert(reduced_lines).from_select(names, reduced))
    without_pieces = select(served.c.factory_id, served.c.id).where(served.c.quantity <= 0)
    db.execute(insert(left_out_lines).from_select(names[:2], without_pieces))
