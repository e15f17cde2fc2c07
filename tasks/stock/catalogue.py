"""The catalogue: flag the SKUs of a batch that cannot be bought or shipped as usual.

Many lines have the same SKU, so the catalogue and the stock are read once per SKU.
"""

from functools import cache

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
    func,
    not_,
    or_,
    select,
    union_all,
)

from order_factory.models.tables import LineItem, Order, OrderFactory, Sku, StockItem
from order_factory.models.values.statuses import ItemType, OrderStatus
from order_factory.models.values.stock_policies import StockPolicy
from order_factory.tasks.stock.bundles import PART_CODE, PART_QUANTITY, join_bundle_items
from order_factory.tasks.working_set.statements import execute_and_count, insert_counted, table_of
from order_factory.tasks.working_set.tables import (
    bundle_parts,
    changed_lines,
    claims,
    copies,
    flagged_skus,
)

_line, _sku, _stock = table_of(LineItem), table_of(Sku), table_of(StockItem)
_names_a_sku = _line.c.item_type == ItemType.SKUS
# An order with one of these statuses has taken or reserved its pieces.
_HAS_TAKEN = (OrderStatus.PLACING, OrderStatus.PLACED)


def flag_skus(db: Connection, *, more: bool) -> int:
    """Flag the SKUs of the batch that need a closer look. Returns their number.

    `more` says whether some of the SKUs are in bundles or in changed lines.
    """
    others = exists().where(claims.c.factory_id < _find_first_loaded())
    after_others = bool(db.scalar(select(others)))
    return execute_and_count(db, insert_flagged_skus(after_others=after_others, more=more))


@cache
def insert_flagged_skus(*, after_others: bool, more: bool) -> Insert:
    """Insert a row per SKU code that is unknown, not for sale, not shipped, or short of stock.

    All orders of a batch have one mode, so one catalogue serves them. `after_others` says that this
    transaction has copied earlier parts of the batch. Their pieces are no longer available.
    """
    wanted = (_select_wanted_with_more() if more else _select_wanted()).subquery("wanted")
    mode = select(copies.c.mode).limit(1).scalar_subquery()
    free, is_stock_of_sku = _stock.c.quantity - _stock.c.reserved, _stock.c.sku_id == _sku.c.id
    available: ColumnElement[int] = (
        select(func.coalesce(func.sum(free), 0)).where(is_stock_of_sku).scalar_subquery()
    )
    needed: ColumnElement[int] = wanted.c.quantity
    wanted_skus: FromClause = wanted.outerjoin(
        _sku, and_(_sku.c.mode == mode, _sku.c.code == wanted.c.sku_code)
    )
    if after_others:
        promised = _select_promised()
        wanted_skus = wanted_skus.outerjoin(promised, promised.c.sku_code == wanted.c.sku_code)
        available = available - func.coalesce(promised.c.quantity, 0)
        needed = needed + func.coalesce(promised.c.quantity, 0)
    # Nearly all SKUs have enough pieces in one place, which is faster to see than to add them up.
    lies_in_one_place = exists().where(is_stock_of_sku, free >= needed)
    known = (
        select(
            wanted.c.sku_code,
            _sku.c.id.label("sku_id"),
            _sku.c.purchasable,
            _sku.c.do_not_ship,
            wanted.c.quantity,
            # A SKU that is not tracked is never short, and neither is an unknown SKU.
            case((and_(not_(_sku.c.do_not_track), not_(lies_in_one_place)), available)).label(
                "available"
            ),
        )
        .select_from(wanted_skus)
        .subquery("known")
    )
    short = known.c.quantity > known.c.available
    flagged = or_(known.c.sku_id.is_(None), not_(known.c.purchasable), known.c.do_not_ship, short)
    values = {
        "sku_code": func.coalesce(known.c.sku_code, ""),
        "sku_id": known.c.sku_id,
        "purchasable": func.coalesce(known.c.purchasable, True),
        "do_not_ship": func.coalesce(known.c.do_not_ship, False),
        "available": case((short, known.c.available)),
    }
    rows = select(*values.values()).where(flagged)
    return insert_counted(flagged_skus, list(values), rows)


def _select_wanted() -> Select[tuple[str | None, int]]:
    return (
        select(
            _line.c.sku_code,
            func.sum(case((_line.c.quantity > 0, _line.c.quantity), else_=0)).label("quantity"),
        )
        .select_from(copies)
        .join(_line, _line.c.order_id == copies.c.source_order_id)
        .where(_names_a_sku)
        .group_by(_line.c.sku_code)
        # In the order of the catalogue's index, which is then read from end to end.
        .order_by(_line.c.sku_code)
    )


def _select_wanted_with_more() -> Select[tuple[str | None, int]]:
    of_lines = _select_wanted().order_by(None)
    of_bundles = select(bundle_parts.c.sku_code, bundle_parts.c.quantity)
    changed = select(changed_lines.c.sku_code, changed_lines.c.quantity)
    pieces = union_all(of_lines, changed, of_bundles).subquery("pieces")
    quantity = func.sum(pieces.c.quantity).label("quantity")
    return (
        select(pieces.c.sku_code, quantity).group_by(pieces.c.sku_code).order_by(pieces.c.sku_code)
    )


def _select_promised() -> Subquery:
    """Select the pieces of earlier copies of the batch that were not taken from the stock.

    With them, a batch that is split because of one bad order ends as it would without that order.
    """
    factory, target = table_of(OrderFactory), table_of(Order)
    earlier = claims.join(factory, factory.c.id == claims.c.factory_id).join(
        target, target.c.id == factory.c.target_order_id
    )
    of_lines = select(_line.c.sku_code, _line.c.quantity).select_from(
        earlier.join(_line, _line.c.order_id == target.c.id)
    )
    of_bundles = select(PART_CODE, PART_QUANTITY).select_from(
        join_bundle_items(earlier, target.c.id, target.c.mode)
    )
    gets_pieces = and_(
        claims.c.factory_id < _find_first_loaded(),
        target.c.status.not_in(_HAS_TAKEN),
        factory.c.stock != StockPolicy.IGNORE,
    )
    pieces = union_all(
        of_lines.where(gets_pieces, _names_a_sku), of_bundles.where(gets_pieces)
    ).subquery("pieces")
    quantity = func.sum(pieces.c.quantity).label("quantity")
    return select(pieces.c.sku_code, quantity).group_by(pieces.c.sku_code).subquery("promised")


def _find_first_loaded() -> ColumnElement[int]:
    return select(func.min(copies.c.factory_id)).scalar_subquery()
