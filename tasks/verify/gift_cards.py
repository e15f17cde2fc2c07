"""Gift cards: their balances add up, and their payments for copies were taken from them."""

from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, func, not_, or_, select

from order_factory.models.tables import GiftCard, GiftCardUse, LineItem, Order
from order_factory.models.tables.gift_cards import GiftCardUseStatus
from order_factory.models.values.gift_card_policies import GiftCardPolicy
from order_factory.models.values.public_ids import Resource
from order_factory.models.values.statuses import ItemType, OrderStatus
from order_factory.tasks.verify.invariants import Invariant
from order_factory.tasks.verify.rows import (
    copied,
    copy_error,
    factory,
    has_error,
    is_unedited,
    source,
    target,
)
from order_factory.tasks.working_set.statements import table_of

_card, _use, _order = table_of(GiftCard), table_of(GiftCardUse), table_of(Order)
_is_open = _use.c.status != GiftCardUseStatus.RELEASED
_USED = (OrderStatus.PLACING, OrderStatus.PLACED, OrderStatus.APPROVED)


def is_redemption(row: FromClause) -> ColumnElement[bool]:
    """Whether this line is the payment of a gift card."""
    return and_(row.c.item_type == ItemType.GIFT_CARDS, row.c.total_amount_cents < 0)


def _sum_redeemed_of_source() -> ColumnElement[int]:
    """Return the amount that gift cards paid for the source order by its lines, in cents."""
    of_source = table_of(LineItem).alias("of_source")
    rows = select(func.coalesce(-func.sum(of_source.c.total_amount_cents), 0))
    own_lines = rows.where(of_source.c.order_id == source.c.id, is_redemption(of_source))
    return own_lines.correlate(source).scalar_subquery()


# The gift card pays less for the copy than for its source. A retry pays the amount of the attempt
# before.
pays_less_by_gift_card = or_(
    has_error(copy_error.c.field == "gift_card_code"),
    and_(
        factory.c.retry_of_id.is_not(None),
        target.c.gift_card_amount_cents < _sum_redeemed_of_source(),
    ),
)


def _find_wrong_balances() -> Select[Any]:
    used = (
        select(_use.c.gift_card_id, func.sum(_use.c.amount_cents).label("cents"))
        .where(_is_open)
        .group_by(_use.c.gift_card_id)
        .subquery("used")
    )
    rows = _card.outerjoin(used, used.c.gift_card_id == _card.c.id)
    remaining = (
        _card.c.initial_balance_cents + _card.c.other_changes_cents - func.coalesce(used.c.cents, 0)
    )
    wrong = or_(_card.c.balance_cents < 0, _card.c.balance_cents != remaining)
    return select(_card.c.id).select_from(rows).where(wrong)


def _find_uses_unlike_orders() -> Select[Any]:
    """Select uses whose status, mode or currency does not match their order's."""
    placing = _order.c.status == OrderStatus.PLACING
    reserved = _use.c.status == GiftCardUseStatus.RESERVED
    wrong = or_(
        and_(reserved, not_(placing)),
        and_(_is_open, _order.c.status.not_in(_USED)),
        and_(not_(reserved), _is_open, placing),
        _order.c.mode != _card.c.mode,
        _order.c.currency_code != _card.c.currency_code,
    )
    rows = _use.join(_order, _order.c.id == _use.c.order_id)
    rows = rows.join(_card, _card.c.id == _use.c.gift_card_id)
    return select(_use.c.id).select_from(rows).where(wrong)


def _find_paid_without_card() -> Select[Any]:
    """Select placed copies whose gift card amount differs from the amount taken from a card."""
    used = (
        select(_use.c.order_id, func.sum(_use.c.amount_cents).label("cents"))
        .where(_is_open)
        .group_by(_use.c.order_id)
        .subquery("taken")
    )
    rows = copied.outerjoin(used, used.c.order_id == target.c.id)
    # Factories from before this feature have the policy `drop`.
    return (
        select(target.c.id)
        .select_from(rows)
        .where(factory.c.gift_cards != GiftCardPolicy.DROP, target.c.status.in_(_USED))
        .where(target.c.gift_card_amount_cents != func.coalesce(used.c.cents, 0))
    )


def _find_payments_unlike_source() -> Select[Any]:
    """Select copies whose gift card pays more than for the source, or less without a reason."""
    cents, of_source = target.c.gift_card_amount_cents, _sum_redeemed_of_source()
    is_free = target.c.total_amount_with_taxes_cents <= 0
    wrong = or_(
        cents > of_source, and_(cents < of_source, not_(is_free), not_(pays_less_by_gift_card))
    )
    rows = select(target.c.id).select_from(copied)
    return rows.where(is_unedited(source, target), wrong)


INVARIANTS = (
    Invariant(
        "gift-card-balances",
        "The balance of a gift card is its initial balance plus other changes minus what orders "
        "use, and is never below zero.",
        Resource.gift_cards,
        _find_wrong_balances(),
    ),
    Invariant(
        "gift-card-uses-fit-orders",
        "The amount of a gift card is reserved for an order that is being placed, taken for a "
        "placed order, and returned for any other order.",
        Resource.gift_card_uses,
        _find_uses_unlike_orders(),
    ),
    Invariant(
        "gift-cards-pay-what-they-give",
        "The amount that a gift card pays for a placed copy was taken from that card.",
        Resource.orders,
        _find_paid_without_card(),
    ),
    Invariant(
        "gift-cards-pay-as-before",
        "A gift card pays the same amount for a copy as for its source order, or less with a "
        "reason in the errors log.",
        Resource.orders,
        _find_payments_unlike_source(),
    ),
)
