"""Merged copies: the open order has their goods, once."""

from typing import Any

from sqlalchemy import Select, and_, exists, not_, or_, select

from order_factory.models.tables import LineItem, Order
from order_factory.models.values.public_ids import Resource
from order_factory.models.values.statuses import PURCHASABLE, FactoryStatus
from order_factory.tasks.verify.changed_lines import is_dropped
from order_factory.tasks.verify.gift_cards import is_redemption
from order_factory.tasks.verify.invariants import Invariant
from order_factory.tasks.verify.rows import (
    copy_error,
    factory,
    has_error,
    line,
    line_rules,
    origin,
)
from order_factory.tasks.working_set.line_rules import is_once
from order_factory.tasks.working_set.statements import table_of

_merged = table_of(Order).alias("merged")
_of_factory = factory.join(_merged, _merged.c.id == factory.c.merged_order_id)


def is_merged(line_order_id: Any, source_order_id: Any) -> Any:
    """Whether a copy of this source order was merged into the line's order."""
    other = factory.alias("merging")
    return exists().where(
        other.c.merged_order_id == line_order_id, other.c.source_order_id == source_order_id
    )


def _find_wrong_endings() -> Select[Any]:
    completed = factory.c.status == FactoryStatus.COMPLETED
    is_requested, is_done = (
        factory.c.merge_into.is_not(None),
        factory.c.merged_order_id.is_not(None),
    )
    wrong = or_(
        and_(is_requested, completed, not_(is_done)),
        and_(
            is_done,
            or_(not_(is_requested), not_(completed), factory.c.target_order_id.is_not(None)),
        ),
    )
    return select(factory.c.id).where(wrong)


def _find_missing_goods() -> Select[Any]:
    """Select factories whose open order lacks a line, unless the order was edited later."""
    is_there = exists().where(
        line.c.order_id == factory.c.merged_order_id, line.c.copied_from_id == origin.c.id
    )
    skipped = has_error(
        or_(
            copy_error.c.line_item_id == origin.c.id,
            copy_error.c.sku_code == origin.c.sku_code,
        )
    )
    goods = and_(origin.c.item_type.in_(PURCHASABLE), not_(is_redemption(origin)))
    rows = _of_factory.join(origin, origin.c.order_id == factory.c.source_order_id)
    return (
        select(factory.c.id)
        .distinct()
        .select_from(rows)
        .where(_merged.c.updated_at <= factory.c.completed_at)
        .where(origin.c.updated_at <= factory.c.started_at)
        .where(
            goods,
            not_(is_there),
            not_(or_(is_dropped(origin), is_once(origin, line_rules), skipped)),
        )
    )


def _find_other_orders() -> Select[Any]:
    """Select factories that were merged into an order of another mode or currency."""
    copied, had = table_of(LineItem).alias("copied"), table_of(LineItem).alias("had")
    rows = _of_factory.join(copied, copied.c.order_id == _merged.c.id)
    rows = rows.join(
        had, and_(had.c.id == copied.c.copied_from_id, had.c.order_id == factory.c.source_order_id)
    )
    wrong = or_(_merged.c.mode != factory.c.mode, copied.c.currency_code != _merged.c.currency_code)
    return select(factory.c.id).distinct().select_from(rows).where(wrong)


INVARIANTS = (
    Invariant(
        "merged-or-copied",
        "A completed copy was merged into an open order exactly if that was requested. It has no "
        "target order then.",
        Resource.order_factories,
        _find_wrong_endings(),
    ),
    Invariant(
        "merged-goods-complete",
        "An open order has all goods of the copies that were merged into it, except for goods that "
        "their options or skip_errors left out.",
        Resource.order_factories,
        _find_missing_goods(),
    ),
    Invariant(
        "merged-into-fitting-order",
        "A copy was merged into an order of its mode, and in the currency of its lines.",
        Resource.order_factories,
        _find_other_orders(),
    ),
)
