"""Gift cards: what one has paid for a source order, it does not pay for the copy.

The balance of a card is not known here, so that its redemption would be given away with every copy.
"""

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    cast,
    exists,
    func,
    literal,
    not_,
    select,
)

from order_factory.models.tables import LineItem, Order
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.gift_card_policies import GiftCardPolicy
from order_factory.tasks.working_set.copy_errors import insert_errors
from order_factory.tasks.working_set.line_totals import is_left_out
from order_factory.tasks.working_set.order_amounts import IS_REDEMPTION
from order_factory.tasks.working_set.statements import execute_and_count, insert_counted, table_of
from order_factory.tasks.working_set.tables import copies, left_out_lines, line_sums

CODE = ErrorCode.GIFT_CARD_NOT_REDEEMED

_line, _source = table_of(LineItem), table_of(Order)
_redeemed = line_sums.c.gift_card_amount_cents != 0
_lines_of_copy = (_line, _line.c.order_id == copies.c.source_order_id)


def leave_redemptions_out(db: Connection) -> int:
    """Leave the lines out by which gift cards have paid for the source orders; how many.

    Comes after the amounts were compared, and before any other line is left out for an error.
    """
    if not db.scalar(select(exists().where(_redeemed))):
        return 0
    rows = (
        select(copies.c.factory_id, _line.c.id)
        .join(line_sums, line_sums.c.factory_id == copies.c.factory_id)
        .join(*_lines_of_copy)
        .where(_redeemed, IS_REDEMPTION, not_(is_left_out()))
    )
    names = ["factory_id", "line_item_id"]
    return execute_and_count(db, insert_counted(left_out_lines, names, rows))


def refuse_redemptions(db: Connection) -> int:
    """Record what gift cards paid as errors of the copies that are to fail then; how many."""
    return _record(db, copies.c.gift_cards == GiftCardPolicy.FAIL)


def record_redemptions(db: Connection) -> int:
    """Say what the gift cards of the other valid copies do not pay; how many errors.

    These copies are made all the same.
    """
    return _record(db, copies.c.valid, copies.c.gift_cards == GiftCardPolicy.DROP)


def _record(db: Connection, *which: ColumnElement[bool]) -> int:
    left_out = exists().where(
        left_out_lines.c.factory_id == copies.c.factory_id,
        left_out_lines.c.line_item_id == _line.c.id,
    )
    card = func.coalesce(func.nullif(_source.c.gift_card_code, ""), _line.c.name, "of the order")
    words = (
        literal("gift card ")
        + card
        + " pays nothing of the copy; "
        + cast(-_line.c.total_amount_cents, String)
        + " cents more are to be paid"
    )
    return execute_and_count(
        db,
        insert_errors(
            CODE,
            words,
            *which,
            IS_REDEMPTION,
            left_out.correlate_except(left_out_lines),
            joins=[(_source, _source.c.id == copies.c.source_order_id), _lines_of_copy],
            line_item_id=_line.c.id,
        ),
    )
