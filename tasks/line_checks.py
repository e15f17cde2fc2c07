"""What is wrong with lines: added up once per order, and told line by line where it is needed."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Insert,
    String,
    and_,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    not_,
    select,
)

from models import CopyError, LineItem, Sku
from models.statuses import DISCOUNTS, PURCHASABLE, SHIPPABLE, ItemType
from tasks.errors import record
from tasks.inserts import table_of
from tasks.work_tables import copies, left_out_lines, line_sums

_line, _sku = table_of(LineItem), table_of(Sku)

_names_a_sku = _line.c.item_type == ItemType.SKUS
_in_catalogue = and_(_names_a_sku, _sku.c.mode == copies.c.mode, _sku.c.code == _line.c.sku_code)
_below_one = _line.c.quantity < 1
_not_in_catalogue = and_(_names_a_sku, _sku.c.id.is_(None))
_not_purchasable = and_(_names_a_sku, not_(_sku.c.purchasable))
# What a person would call the line.
_label = case(
    (_line.c.sku_code.is_not(None), literal("SKU ") + _line.c.sku_code),
    else_=literal("line ") + func.coalesce(_line.c.bundle_code, _line.c.name, _line.c.item_type),
)


def sum_lines(db: Connection) -> None:
    """Add up the source lines of every copy in hand, right and wrong ones: one pass, one row each."""
    db.execute(insert_line_sums())


def check_line_items(db: Connection) -> int:
    """Record orders without lines, and lines that cannot be copied; how many errors.

    A line cannot be copied with a quantity below 1, or when its SKU is not in the catalogue any
    more or not purchasable.
    """
    no_line = not_(exists().where(line_sums.c.factory_id == copies.c.factory_id))
    found = record(db, "line_items", "line_items_missing", "the order has no line item", no_line)
    wrong = line_sums.c
    below_one, missing, barred = db.execute(
        select(
            func.sum(wrong.quantities_below_one),
            func.sum(wrong.skus_not_in_catalogue),
            func.sum(wrong.skus_not_purchasable),
        )
    ).one()
    if below_one:
        quantity = cast(_line.c.quantity, String)
        told = _label + ": the quantity " + quantity + " is below 1"
        found += _record_lines(
            db, "quantity_below_one", told, _below_one, wrong.quantities_below_one
        )
    if missing:
        told = _label + " is no longer in the catalogue"
        found += _record_lines(
            db, "sku_not_in_catalogue", told, _not_in_catalogue, wrong.skus_not_in_catalogue
        )
    if barred:
        told = _label + " is not purchasable"
        found += _record_lines(
            db, "sku_not_purchasable", told, _not_purchasable, wrong.skus_not_purchasable
        )
    if found:
        leave_out_wrong_lines(db)
    return found


def leave_out_wrong_lines(db: Connection) -> None:
    """Note, for the copies with `skip_errors`, the lines that errors were recorded for."""
    wrong = (
        select(copies.c.factory_id, CopyError.line_item_id)
        .distinct()
        .join(CopyError, CopyError.order_factory_id == copies.c.factory_id)
        .where(copies.c.skip_errors, CopyError.line_item_id.is_not(None))
    )
    db.execute(insert(left_out_lines).from_select(["factory_id", "line_item_id"], wrong))


def sum_remaining_lines(db: Connection) -> int:
    """Add up again, without the lines left out; the errors for copies that nothing is left of."""
    some = select(left_out_lines.c.factory_id)
    db.execute(delete(line_sums).where(line_sums.c.factory_id.in_(some)))
    remaining = copies.c.factory_id.in_(some)
    db.execute(insert_line_sums(remaining, not_(is_left_out())))
    nothing = not_(exists().where(line_sums.c.factory_id == copies.c.factory_id))
    return record(
        db,
        "line_items",
        "line_items_none_left",
        "no line item is left to copy",
        remaining,
        nothing,
    )


def is_left_out() -> ColumnElement[bool]:
    """Whether the line of this copy is one that is left out."""
    return exists().where(
        left_out_lines.c.factory_id == copies.c.factory_id,
        left_out_lines.c.line_item_id == _line.c.id,
    )


def insert_line_sums(*where: ColumnElement[bool]) -> Insert:
    """One row of sums per copy that has such lines; amounts in cents of the order's currency."""
    kind, total = _line.c.item_type, _line.c.total_amount_cents
    paid_by_gift_card = and_(kind == ItemType.GIFT_CARDS, total < 0)
    bought = and_(kind.in_(PURCHASABLE), not_(paid_by_gift_card))
    ships = and_(kind.in_(SHIPPABLE), not_(func.coalesce(_sku.c.do_not_ship, False)))
    purchasable = and_(bought, _line.c.quantity > 0)
    values: dict[str, ColumnElement[Any]] = {
        "factory_id": copies.c.factory_id,
        "lines": func.count(),
        "purchasable_lines": _count(purchasable),
        "lines_to_ship": _count(ships),
        "quantities_below_one": _count(_below_one),
        "skus_not_in_catalogue": _count(_not_in_catalogue),
        "skus_not_purchasable": _count(_not_purchasable),
        "subtotal_amount_cents": _sum(bought, total),
        "shipping_amount_cents": _sum(kind == ItemType.SHIPMENTS, total),
        "payment_method_amount_cents": _sum(kind == ItemType.PAYMENT_METHODS, total),
        "discount_amount_cents": _sum(kind.in_(DISCOUNTS), total),
        "adjustment_amount_cents": _sum(kind == ItemType.ADJUSTMENTS, total),
        "gift_card_amount_cents": -_sum(paid_by_gift_card, total),
        "total_tax_amount_cents": func.coalesce(func.sum(_line.c.tax_amount_cents), 0),
        "total_amount_cents": func.sum(total),
    }
    rows = select(*values.values()).select_from(lines_in_hand())
    rows = rows.where(*where).group_by(copies.c.factory_id)
    return insert(line_sums).from_select(list(values), rows)


def lines_in_hand() -> FromClause:
    """The source lines of the copies in hand, each with its SKU where the catalogue has it."""
    lines = copies.join(_line, _line.c.order_id == copies.c.source_order_id)
    return lines.outerjoin(_sku, _in_catalogue)


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _sum(condition: ColumnElement[bool], amount: ColumnElement[int]) -> ColumnElement[int]:
    return func.sum(case((condition, amount), else_=0))


def _record_lines(
    db: Connection,
    code: str,
    message: ColumnElement[str],
    wrong: ColumnElement[bool],
    counted: ColumnElement[int],
) -> int:
    """Record one error per wrong line, looking only at the orders that have some."""
    return record(
        db,
        "line_items",
        code,
        message,
        counted > 0,
        wrong,
        joins=[
            (line_sums, line_sums.c.factory_id == copies.c.factory_id),
            (_line, _line.c.order_id == copies.c.source_order_id),
        ],
        outer_joins=[(_sku, _in_catalogue)],
        line_item_id=_line.c.id,
    )
