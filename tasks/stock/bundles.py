"""Bundles: a line of a bundle takes the pieces of the SKUs in it."""

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Insert,
    Select,
    Subquery,
    and_,
    case,
    exists,
    insert,
    not_,
    select,
    union_all,
)

from order_factory.models.tables import Bundle, BundleItem, LineItem
from order_factory.models.values.statuses import ItemType
from order_factory.tasks.working_set.line_totals import is_left_out
from order_factory.tasks.working_set.statements import table_of
from order_factory.tasks.working_set.tables import (
    bundle_parts,
    changed_lines,
    copies,
    flagged_skus,
)

_line, _bundle, _item = table_of(LineItem), table_of(Bundle), table_of(BundleItem)
_is_bundle = _line.c.item_type == ItemType.BUNDLES

SHOP_HAS_BUNDLES = exists(select(_bundle.c.id))


def join_bundle_items(
    orders: FromClause, order_id: ColumnElement[int], mode: ColumnElement[str]
) -> FromClause:
    """Join the orders with their bundle lines and the SKUs in the bundles, in this `mode`."""
    is_bundle_of_line = and_(
        _bundle.c.mode == mode, _bundle.c.code == _line.c.bundle_code, _is_bundle
    )
    lines = orders.join(_line, _line.c.order_id == order_id)
    return lines.join(_bundle, is_bundle_of_line).join(_item, _item.c.bundle_id == _bundle.c.id)


# The SKU code and the number of pieces in a row of `join_bundle_items`.
PART_CODE = _item.c.sku_code
PART_QUANTITY = _line.c.quantity * _item.c.quantity


def find_bundle_parts(db: Connection) -> bool:
    """Insert the SKUs in the bundles of the current copies. Returns whether there are any."""
    if not db.scalar(select(SHOP_HAS_BUNDLES)):
        return False
    db.execute(_insert_bundle_parts())
    return bool(db.scalar(select(exists(select(bundle_parts.c.factory_id)))))


def is_part_left_out() -> ColumnElement[bool]:
    """Whether the line of this part is left out of its copy."""
    return is_left_out(bundle_parts.c.factory_id, bundle_parts.c.line_item_id)


def is_part_of_flagged_sku() -> ColumnElement[bool]:
    """Whether the part is of this copy, has the flagged SKU, and is not left out."""
    return and_(
        bundle_parts.c.factory_id == copies.c.factory_id,
        bundle_parts.c.sku_code == flagged_skus.c.sku_code,
        not_(is_part_left_out()),
    )


def select_wanted_pieces() -> Subquery:
    """Select the pieces that each copy needs: a row per SKU line, and per SKU of a bundle line."""
    in_lines = (
        select(copies.c.factory_id, _line.c.sku_code, _line.c.quantity)
        .join(_line, _line.c.order_id == copies.c.source_order_id)
        .where(_line.c.item_type == ItemType.SKUS, _line.c.quantity > 0, not_(is_left_out()))
    )
    changed = select(changed_lines.c.factory_id, changed_lines.c.sku_code, changed_lines.c.quantity)
    return union_all(in_lines, changed, _select_bundle_pieces()).subquery("pieces")


def _select_bundle_pieces() -> Select[tuple[int, str, int]]:
    parts = bundle_parts.c
    rows = select(parts.factory_id, parts.sku_code, parts.quantity)
    return rows.where(not_(is_part_left_out()))


def _insert_bundle_parts() -> Insert:
    """Insert a row per bundle line and SKU in it. Another check finds quantities below 1."""
    values = {
        "factory_id": copies.c.factory_id,
        "line_item_id": _line.c.id,
        "sku_code": PART_CODE,
        "bundle_code": _bundle.c.code,
        "quantity": case((_line.c.quantity > 0, PART_QUANTITY), else_=0),
    }
    rows = join_bundle_items(copies, copies.c.source_order_id, copies.c.mode)
    return insert(bundle_parts).from_select(
        list(values), select(*values.values()).select_from(rows)
    )
