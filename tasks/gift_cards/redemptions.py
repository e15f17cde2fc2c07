"""The amount that the gift card of a source order pays for the copy, decided before copying.

A card pays its remaining balance, but at most what it paid for the source order. The cards of
orders to place are locked until the commit. Earlier factories get the balance first.
"""

from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Insert,
    and_,
    case,
    exists,
    false,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    update,
)

from order_factory.models.database.dialects import day
from order_factory.models.database.row_locks import lock_rows
from order_factory.models.tables import CopyError, GiftCard, LineItem, Order
from order_factory.models.tables.gift_cards import GiftCardStatus
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.gift_card_policies import GiftCardPolicy
from order_factory.tasks.working_set.amount_texts import describe_amount
from order_factory.tasks.working_set.copy_errors import has_fatal_error, insert_errors
from order_factory.tasks.working_set.line_totals import is_left_out
from order_factory.tasks.working_set.order_amounts import IS_REDEMPTION
from order_factory.tasks.working_set.statements import (
    NOW,
    execute_and_count,
    insert_counted,
    table_of,
)
from order_factory.tasks.working_set.tables import copies, left_out_lines, line_sums, redemptions

# Anyone with the code of a gift card can pay with it, so only this many characters are shown.
_SHOWN = 4

_line, _source, _card = table_of(LineItem), table_of(Order), table_of(GiftCard)
WAS_REDEEMED = line_sums.c.gift_card_amount_cents > 0
_of_copy = (_source, _source.c.id == copies.c.source_order_id)
_its_sums = (line_sums, line_sums.c.factory_id == copies.c.factory_id)
_its_redemption = (redemptions, redemptions.c.factory_id == copies.c.factory_id)
_its_card = and_(
    _card.c.mode == _source.c.mode,
    _card.c.code_key == func.coalesce(_source.c.gift_card_code_key, _source.c.gift_card_code),
)
_uses_card = and_(WAS_REDEEMED, copies.c.gift_cards != GiftCardPolicy.DROP)
_must_pay = copies.c.gift_cards == GiftCardPolicy.FAIL
_pays_less = redemptions.c.paid_cents < redemptions.c.wanted_cents
_fails = and_(not_(copies.c.skip_errors), has_fatal_error())


def lock_gift_cards(db: Connection) -> None:
    """Lock the cards that may pay for orders to place, in the order of their keys."""
    rows = (
        select(_card.c.id)
        .select_from(copies)
        .join(*_its_sums)
        .join(*_of_copy)
        .join(_card, _its_card)
        .where(_uses_card, copies.c.place_target_order)
    )
    lock_rows(db, _card, rows)


def find_redemptions(db: Connection, now: datetime) -> None:
    """Decide what gift cards pay for the copies, and leave out the source orders' gift card lines.

    The step "use gift cards" writes new lines in their place. This function runs after the amounts
    are compared, and before lines with errors are left out.
    """
    usable = and_(
        _uses_card,
        _card.c.status == GiftCardStatus.ACTIVE,
        or_(_card.c.expires_at.is_(None), _card.c.expires_at > NOW),
        _card.c.currency_code == copies.c.currency_code,
    )
    values = {
        "factory_id": copies.c.factory_id,
        "gift_card_id": case((_uses_card, _card.c.id), else_=null()),
        "takes": copies.c.place_target_order,
        "wanted_cents": line_sums.c.gift_card_amount_cents,
        "available_cents": case((func.coalesce(usable, false()), _card.c.balance_cents), else_=0),
        "paid_cents": literal(0),
    }
    rows = select(*values.values()).select_from(
        copies.join(*_its_sums).join(*_of_copy).outerjoin(_card, _its_card)
    )
    execute_and_count(
        db, insert_counted(redemptions, list(values), rows.where(WAS_REDEEMED)), now=now
    )
    lines = (
        select(copies.c.factory_id, _line.c.id)
        .join(*_its_redemption)
        .join(_line, _line.c.order_id == copies.c.source_order_id)
        .where(IS_REDEMPTION, not_(is_left_out()))
    )
    names = ["factory_id", "line_item_id"]
    execute_and_count(db, insert_counted(left_out_lines, names, lines))
    divide_balances(db)


def refuse_redemptions(db: Connection, now: datetime) -> int:
    """Record an error for each copy that fails because its card pays less. Returns their number.

    Other copies can use the balance that a failed copy leaves.
    """
    if not db.scalar(select(exists().where(_must_pay))):
        return 0
    refused_count = 0
    divide_balances(db)
    # Each round decides on the earliest such copy of each card, and on the copies that need as
    # much.
    while refused := execute_and_count(db, _refuse_next(), now=now):
        refused_count += refused
        divide_balances(db)
    return refused_count


def record_redemptions(db: Connection, now: datetime) -> int:
    """Record an error for each other valid copy whose card pays less. Returns their number.

    These copies are made anyway.
    """
    shortfalls = _insert_shortfalls(
        ErrorCode.GIFT_CARD_NOT_REDEEMED, copies.c.valid, not_(_must_pay)
    )
    return execute_and_count(db, shortfalls, now=now)


def divide_balances(db: Connection) -> None:
    """Give each copy its part of the balance of its card, earlier factories first.

    A copy that fails takes nothing. A copy that is not to be placed takes nothing either, but shows
    the amount that the card would pay now.
    """
    takes = and_(redemptions.c.takes, copies.c.valid, not_(_fails))
    before = func.sum(case((takes, redemptions.c.wanted_cents), else_=0)).over(
        partition_by=redemptions.c.gift_card_id,
        order_by=redemptions.c.factory_id,
        rows=(None, -1),
    )
    wanted_before = (
        select(
            redemptions.c.factory_id,
            redemptions.c.wanted_cents,
            redemptions.c.available_cents,
            func.coalesce(_card.c.single_use, false()).label("single_use"),
            case((redemptions.c.takes, func.coalesce(before, 0)), else_=0).label("before"),
        )
        .select_from(copies.join(*_its_redemption))
        .outerjoin(_card, _card.c.id == redemptions.c.gift_card_id)
        .subquery("asked")
    )
    columns = wanted_before.c
    remaining = case(
        (and_(columns.single_use, columns.before > 0), 0),
        else_=columns.available_cents - columns.before,
    )
    paid = case(
        (remaining <= 0, 0),
        (remaining < columns.wanted_cents, remaining),
        else_=columns.wanted_cents,
    )
    statement = update(redemptions).where(redemptions.c.factory_id == columns.factory_id)
    db.execute(statement.values(paid_cents=paid))


def _refuse_next() -> Insert:
    earlier, its_copy = redemptions.alias("earlier"), copies.alias("its_copy")
    # An earlier copy with the same card is not decided yet, and needs more.
    waits = exists().where(
        earlier.c.gift_card_id == redemptions.c.gift_card_id,
        earlier.c.factory_id < redemptions.c.factory_id,
        earlier.c.wanted_cents > redemptions.c.wanted_cents,
        earlier.c.paid_cents < earlier.c.wanted_cents,
        its_copy.c.factory_id == earlier.c.factory_id,
        its_copy.c.gift_cards == GiftCardPolicy.FAIL,
        not_(_has_shortfall(its_copy)),
    )
    open_ = not_(_has_shortfall(copies))
    return _insert_shortfalls(ErrorCode.GIFT_CARD_TOO_LITTLE, _must_pay, open_, not_(waits))


def _has_shortfall(rows: FromClause) -> ColumnElement[bool]:
    code = ErrorCode.GIFT_CARD_TOO_LITTLE
    return exists().where(CopyError.order_factory_id == rows.c.factory_id, CopyError.code == code)


def _insert_shortfalls(code: ErrorCode, *conditions: ColumnElement[bool]) -> Insert:
    """Insert the errors of copies whose card pays less than for the source order."""
    return insert_errors(
        code,
        _explain_shortfall()
        + "; "
        + describe_amount(
            redemptions.c.wanted_cents - redemptions.c.paid_cents, copies.c.currency_code
        )
        + " more is to be paid",
        _pays_less,
        *conditions,
        joins=[_its_redemption, _of_copy],
        outer=[(_card, _card.c.id == redemptions.c.gift_card_id)],
    )


def _explain_shortfall() -> ColumnElement[str]:
    code = func.trim(func.coalesce(_source.c.gift_card_code, ""))
    ending = func.substr(code, func.length(code) - _SHOWN + 1)
    name = case(
        (func.length(code) >= 2 * _SHOWN, literal("gift card ending in ") + ending),
        else_="the gift card",
    )
    nothing = " and pays nothing"
    return case(
        (copies.c.gift_cards == GiftCardPolicy.DROP, name + " is not used for the copy"),
        (code == "", "the source order has no gift_card_code, so no gift card pays"),
        (_card.c.id.is_(None), name + " is not known in this shop" + nothing),
        (
            _card.c.currency_code != copies.c.currency_code,
            name + " is in " + _card.c.currency_code + nothing,
        ),
        (_card.c.expires_at <= NOW, name + " expired on " + day(_card.c.expires_at) + nothing),
        (
            _card.c.status.in_([GiftCardStatus.DRAFT, GiftCardStatus.INACTIVE]),
            name + " is " + _card.c.status + nothing,
        ),
        (
            and_(_card.c.single_use, redemptions.c.paid_cents == 0),
            name + " is for a single use" + nothing,
        ),
        (redemptions.c.paid_cents == 0, name + " has nothing left"),
        else_=name
        + " pays "
        + describe_amount(redemptions.c.paid_cents, copies.c.currency_code)
        + " of "
        + describe_amount(redemptions.c.wanted_cents, copies.c.currency_code),
    )
