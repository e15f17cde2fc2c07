"""Uses: the amounts that orders take from gift cards, and return if declined or cancelled."""

from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Select,
    and_,
    case,
    exists,
    func,
    not_,
    or_,
    select,
    update,
)

from order_factory.models.database.row_locks import lock_rows
from order_factory.models.tables import GiftCard, GiftCardUse, Order
from order_factory.models.tables.gift_cards import GiftCardStatus, GiftCardUseStatus
from order_factory.tasks.working_set.statements import (
    NOW,
    execute_and_count,
    insert_counted,
    table_of,
    times,
)
from order_factory.tasks.working_set.tables import copies, placements, redemptions

Orders = Select[tuple[int]]

_card, _use, _order = table_of(GiftCard), table_of(GiftCardUse), table_of(Order)
_RESERVED, _TAKEN, _RELEASED = GiftCardUseStatus


def take_gift_cards(db: Connection, now: datetime) -> None:
    """Take from the gift cards the amounts that they pay for the orders to place.

    The balances suffice, because the cards were locked and divided before the copy. An order that
    waits for its payment only reserves the amount, which leaves the balance too.
    """
    if not execute_and_count(db, _insert_uses(), now=now):
        return
    used = (
        select(_use.c.gift_card_id, func.sum(_use.c.amount_cents).label("cents"))
        .join(copies, copies.c.target_order_id == _use.c.order_id)
        .join(placements, placements.c.factory_id == copies.c.factory_id)
        .where(_use.c.status != _RELEASED)
        .group_by(_use.c.gift_card_id)
        .subquery("taken")
    )
    balance = _card.c.balance_cents - used.c.cents
    ends = or_(_card.c.single_use, balance == 0)
    db.execute(
        update(_card)
        .where(_card.c.id == used.c.gift_card_id)
        .values(
            balance_cents=balance,
            status=case((ends, GiftCardStatus.REDEEMED.value), else_=_card.c.status),
            updated_at=NOW,
        ),
        {"now": now},
    )


def end_gift_card_uses(db: Connection, orders: Orders, *, placed: bool, now: datetime) -> None:
    """Take the reserved amounts of these orders if they are `placed`. Otherwise return them."""
    if placed:
        is_reserved = and_(_use.c.order_id.in_(orders), _use.c.status == _RESERVED)
        db.execute(
            update(_use).where(is_reserved).values(status=_TAKEN, updated_at=NOW), {"now": now}
        )
    else:
        _release(db, and_(_use.c.order_id.in_(orders), _use.c.status == _RESERVED), now)


def return_to_gift_cards(
    db: Connection, orders: Orders, now: datetime, which: ColumnElement[bool]
) -> None:
    """Return the amounts that these cancelled orders took from their cards.

    Only orders that meet the condition `which` are included. An order that another system placed
    has no recorded use, so its card gets the amount on the order. Call it once per order.
    """
    cancelled = select(_order.c.id).where(_order.c.id.in_(orders), which)
    _release(db, and_(_use.c.order_id.in_(cancelled), _use.c.status == _TAKEN), now)
    recorded = exists().where(_use.c.order_id == _order.c.id)
    its_card = and_(
        _card.c.mode == _order.c.mode,
        _card.c.code_key == _order.c.gift_card_code_key,
        _card.c.currency_code == _order.c.currency_code,
    )
    elsewhere = (
        select(_card.c.id, func.sum(_order.c.gift_card_amount_cents).label("cents"))
        .select_from(_order.join(_card, its_card))
        .where(_order.c.id.in_(cancelled), _order.c.placed_at.is_not(None))
        .where(_order.c.order_factory_id.is_(None), not_(recorded))
        .where(_order.c.gift_card_amount_cents > 0)
        .group_by(_card.c.id)
    )
    _pay_back(db, elsewhere, now, elsewhere=True)


def _release(db: Connection, which: ColumnElement[bool], now: datetime) -> None:
    back = (
        select(_use.c.gift_card_id.label("id"), func.sum(_use.c.amount_cents).label("cents"))
        .where(which)
        .group_by(_use.c.gift_card_id)
    )
    if _pay_back(db, back, now):
        db.execute(update(_use).where(which).values(status=_RELEASED, updated_at=NOW), {"now": now})


def _pay_back(
    db: Connection, rows: Select[tuple[int, int]], now: datetime, *, elsewhere: bool = False
) -> int:
    """Add the sums in `cents` to the balances. Returns the number of cards."""
    back = rows.subquery("back")
    if not db.scalar(select(exists(select(back.c.id)))):
        return 0
    lock_rows(db, _card, select(back.c.id))
    returned = and_(_card.c.status == GiftCardStatus.REDEEMED, back.c.cents > 0)
    values = {
        "balance_cents": _card.c.balance_cents + back.c.cents,
        "status": case((returned, GiftCardStatus.ACTIVE.value), else_=_card.c.status),
        "updated_at": NOW,
    }
    if elsewhere:
        values["other_changes_cents"] = _card.c.other_changes_cents + back.c.cents
    more = update(_card).where(_card.c.id == back.c.id).values(values)
    return execute_and_count(db, more.execution_options(preserve_rowcount=True), now=now)


def _insert_uses() -> Insert:
    status = case((placements.c.remote, _RESERVED.value), else_=_TAKEN.value)
    values = {
        "gift_card_id": redemptions.c.gift_card_id,
        "order_id": copies.c.target_order_id,
        "amount_cents": redemptions.c.paid_cents,
        "status": status,
        **times(NOW),
    }
    rows = copies.join(placements, placements.c.factory_id == copies.c.factory_id)
    rows = rows.join(redemptions, redemptions.c.factory_id == copies.c.factory_id)
    chosen = select(*values.values()).select_from(rows).where(redemptions.c.paid_cents > 0)
    return insert_counted(_use, list(values), chosen)
