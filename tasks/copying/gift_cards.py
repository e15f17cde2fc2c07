"""The gift card: a line of the target order has the amount that it pays.

The balance is reduced when the order is placed.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Insert,
    and_,
    case,
    exists,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    update,
)

from order_factory.models.tables import LineItem, Order
from order_factory.models.values.statuses import ItemType
from order_factory.tasks.copying.line_items import COPIED_COLUMNS
from order_factory.tasks.copying.totals import recalculate_totals
from order_factory.tasks.working_set.batch import Batch
from order_factory.tasks.working_set.kept_parts import LINE_MARKS, kept_columns
from order_factory.tasks.working_set.order_amounts import IS_REDEMPTION
from order_factory.tasks.working_set.statements import (
    NOW,
    execute_and_count,
    insert_counted,
    table_of,
    times,
)
from order_factory.tasks.working_set.step import step
from order_factory.tasks.working_set.tables import copies, redemptions

_line, _target = table_of(LineItem), table_of(Order)
_source = _target.alias("source")
_redemption_of_copy = redemptions.c.factory_id == copies.c.factory_id
_is_copied = copies.c.source_order_id != copies.c.target_order_id
_is_placed_again = and_(
    copies.c.valid, copies.c.place_target_order, not_(copies.c.failed), not_(_is_copied)
)
_pays = and_(copies.c.valid, redemptions.c.paid_cents > 0)


@step(
    name="use gift cards",
    field="gift_card_code",
    needed=select(exists().select_from(copies.join(redemptions, _redemption_of_copy))),
    errors=("gift_card_code",),
    idle="No gift card pays.",
)
def use_gift_cards(db: Connection, batch: Batch) -> int:
    """Add the lines with the amounts that gift cards pay. Returns the number of lines.

    A card pays at most the total of the order, so this step follows all steps that change the
    total.
    """
    _limit_to_totals(db)
    now = batch.started_at
    lines = execute_and_count(db, _insert_lines(), now=now)
    lines += _change_lines(db, now)
    codes = (
        update(_target)
        .where(_target.c.id == copies.c.target_order_id, _source.c.id == copies.c.source_order_id)
        .where(_redemption_of_copy, _pays, _is_copied)
    )
    db.execute(
        codes.values(
            gift_card_code=_source.c.gift_card_code,
            gift_card_code_key=_source.c.gift_card_code_key,
        )
    )
    changed = or_(redemptions.c.paid_cents > 0, _is_placed_again)
    db.execute(recalculate_totals(exists().where(_redemption_of_copy, changed)))
    return lines


def _limit_to_totals(db: Connection) -> None:
    due = _target.c.total_amount_with_taxes_cents + _target.c.gift_card_amount_cents
    too_much = (
        select(copies.c.factory_id, case((due > 0, due), else_=0).label("due"))
        .join(_target, _target.c.id == copies.c.target_order_id)
        .where(copies.c.valid)
        .subquery("of")
    )
    reduction = update(redemptions).where(
        redemptions.c.factory_id == too_much.c.factory_id,
        redemptions.c.paid_cents > too_much.c.due,
    )
    db.execute(reduction.values(paid_cents=too_much.c.due))


def _insert_lines() -> Insert:
    """Insert a line per copy: the source's first gift card line, with the amount of today."""
    first = (
        select(func.min(_line.c.id))
        .where(_line.c.order_id == copies.c.source_order_id, IS_REDEMPTION)
        .correlate(copies)
        .scalar_subquery()
    )
    original = _line.alias("original")
    columns = {column.key: original.c[column.key] for column in COPIED_COLUMNS}
    values: dict[str, Any] = columns | {
        **kept_columns(original, *LINE_MARKS),
        "order_id": copies.c.target_order_id,
        "copied_from_id": original.c.id,
        "quantity": literal(1),
        "unit_amount_cents": -redemptions.c.paid_cents,
        "total_amount_cents": -redemptions.c.paid_cents,
        # A gift card line has no tax and no discount.
        **dict.fromkeys(
            ("tax_amount_cents", "tax_breakdown", "discount_cents", "discount_breakdown"), null()
        ),
        **times(NOW),
    }
    rows = copies.join(redemptions, _redemption_of_copy).join(original, original.c.id == first)
    valid_rows = select(*values.values()).select_from(rows).where(_pays, _is_copied)
    return insert_counted(_line, list(values), valid_rows)


def _change_lines(db: Connection, now: datetime) -> int:
    """Update the gift card lines of orders that are placed again. Returns the number of lines.

    If a card pays nothing now, its line becomes an adjustment of 0. The line may already have been
    copied, so it is not deleted.
    """
    nth = func.row_number().over(partition_by=copies.c.factory_id, order_by=_line.c.id)
    cents = case((nth == 1, redemptions.c.paid_cents), else_=0)
    lines = (
        select(_line.c.id, (-cents).label("cents"))
        .select_from(copies.join(redemptions, _redemption_of_copy))
        .join(_line, _line.c.order_id == copies.c.target_order_id)
        .where(_is_placed_again, IS_REDEMPTION)
        .subquery("of")
    )
    kind = case((lines.c.cents == 0, ItemType.ADJUSTMENTS.value), else_=_line.c.item_type)
    changed = update(_line).where(
        _line.c.id == lines.c.id, _line.c.total_amount_cents != lines.c.cents
    )
    values = {
        "item_type": kind,
        "quantity": 1,
        "unit_amount_cents": lines.c.cents,
        "total_amount_cents": lines.c.cents,
        "updated_at": NOW,
    }
    statement = changed.values(values).execution_options(preserve_rowcount=True)
    return execute_and_count(db, statement, now=now)
