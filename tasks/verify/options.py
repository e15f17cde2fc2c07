"""Line item options: a copied line has all options of its original line, once each."""

from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, or_, select

from order_factory.models.tables import LineItemOption
from order_factory.models.values.public_ids import Resource
from order_factory.tasks.verify.invariants import Invariant
from order_factory.tasks.verify.recomputed import is_reduced, split
from order_factory.tasks.verify.rows import (
    KEPT_PARTS,
    differs,
    differs_in,
    factory,
    is_unedited,
    line,
    origin,
    parts_differ,
)
from order_factory.tasks.working_set.statements import table_of

# An option of a target's line, and the option that it was copied from.
_option = table_of(LineItemOption).alias("option")
_original = table_of(LineItemOption).alias("original")
_lines = factory.join(line, line.c.order_id == factory.c.target_order_id)
_options = _lines.join(_option, _option.c.line_item_id == line.c.id)


def _find_missing_options() -> Select[Any]:
    """Select the copied line once per option of its original that it lacks."""
    rows = _lines.join(_original, _original.c.line_item_id == line.c.copied_from_id)
    is_copy_of = and_(
        _option.c.line_item_id == line.c.id, _option.c.copied_from_id == _original.c.id
    )
    return (
        select(line.c.id)
        .select_from(rows.outerjoin(_option, is_copy_of))
        .where(is_unedited(_original, line), _option.c.id.is_(None))
    )


def _find_foreign_options() -> Select[Any]:
    rows = _option.join(line, line.c.id == _option.c.line_item_id)
    rows = rows.outerjoin(_original, _original.c.id == _option.c.copied_from_id)
    foreign = _original.c.line_item_id.is_distinct_from(line.c.copied_from_id)
    return (
        select(_option.c.id)
        .select_from(rows)
        .where(_option.c.copied_from_id.is_not(None), or_(_original.c.id.is_(None), foreign))
    )


def _find_options_without_origin() -> Select[Any]:
    rows = select(_option.c.id).select_from(_options)
    return rows.where(is_unedited(line), _option.c.copied_from_id.is_(None))


def _find_repeated_options() -> Select[Any]:
    rows = select(func.max(_option.c.id)).where(_option.c.copied_from_id.is_not(None))
    return rows.group_by(_option.c.line_item_id, _option.c.copied_from_id).having(func.count() > 1)


def _find_changed_options(db: Connection) -> Select[Any]:
    rows = _options.join(_original, _original.c.id == _option.c.copied_from_id)
    rows = rows.join(origin, origin.c.id == line.c.copied_from_id)
    amounts = ("quantity", "total_amount_cents")
    share = split(_original.c.total_amount_cents, line.c.quantity, origin.c.quantity)
    # The options of a line add up to the cent, so one of them may differ by a cent.
    far_off = func.abs(_option.c.total_amount_cents - share) > 1
    amounts_changed = case(
        (is_reduced(line, origin), far_off), else_=differs_in(_option, _original, *amounts)
    )
    changed = or_(
        amounts_changed,
        differs(_option, _original, "line_item_id", "currency_code", *KEPT_PARTS, *amounts),
        _option.c.currency_code.is_distinct_from(
            case(
                (factory.c.target_currency.is_(None), _original.c.currency_code),
                else_=_option.c.currency_code,
            )
        ),
        parts_differ(db, _option, _original),
    )
    return select(_option.c.id).select_from(rows).where(is_unedited(_option, _original), changed)


INVARIANTS = (
    Invariant(
        "options-complete",
        "A copied line has every option of the line that it was copied from.",
        Resource.line_items,
        _find_missing_options(),
    ),
    Invariant(
        "options-from-own-line",
        "A copied option comes from an option of the original of its line.",
        Resource.line_item_options,
        _find_foreign_options(),
    ),
    Invariant(
        "options-have-an-origin",
        "Every option of a target order's line refers to the option from which it was copied.",
        Resource.line_item_options,
        _find_options_without_origin(),
    ),
    Invariant(
        "options-copied-once",
        "No option was copied twice onto one line.",
        Resource.line_item_options,
        _find_repeated_options(),
    ),
    Invariant(
        "option-columns",
        "A copied option equals its original, except for what the copy's options leave out. On a "
        "line with fewer pieces, its cost is split in proportion.",
        Resource.line_item_options,
        _find_changed_options,
    ),
)
