"""What is wrong with lines: asked per SKU first, and told line by line where it is needed."""

from functools import cache

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Insert,
    String,
    Subquery,
    and_,
    case,
    cast,
    exists,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
)

from models import CopyError, LineItem, Order, OrderFactory, Sku, StockItem
from models.statuses import ItemType, OrderStatus
from tasks.errors import errors
from tasks.inserts import table_of, written
from tasks.work_tables import claims, copies, left_out_lines, line_sums, notable_skus

_line, _sku, _stock = table_of(LineItem), table_of(Sku), table_of(StockItem)

_lines_of_copy = (_line, _line.c.order_id == copies.c.source_order_id)
_names_a_sku = _line.c.item_type == ItemType.SKUS
# A line of type `skus` without a code names a SKU that no catalogue has.
_code = func.coalesce(_line.c.sku_code, "")
# What a person would call the line.
_label = case(
    (_line.c.sku_code.is_not(None), literal("SKU ") + _line.c.sku_code),
    else_=literal("line ") + func.coalesce(_line.c.bundle_code, _line.c.name, _line.c.item_type),
)

_of_its_sku = (notable_skus, notable_skus.c.sku_code == _code)
_is_gone = notable_skus.c.sku_id.is_(None)
_is_barred = and_(not_(_is_gone), not_(notable_skus.c.purchasable))

_NO_LINE = errors(
    "line_items",
    "line_items_missing",
    "the order has no line item",
    not_(exists().where(line_sums.c.factory_id == copies.c.factory_id)),
)
_BELOW_ONE = errors(
    "line_items",
    "quantity_below_one",
    _label + ": the quantity " + cast(_line.c.quantity, String) + " is below 1",
    line_sums.c.quantities_below_one > 0,
    _line.c.quantity < 1,
    joins=[(line_sums, line_sums.c.factory_id == copies.c.factory_id), _lines_of_copy],
    line_item_id=_line.c.id,
)
_GONE = errors(
    "line_items",
    "sku_not_in_catalogue",
    _label + " is no longer in the catalogue",
    _names_a_sku,
    _is_gone,
    joins=[_lines_of_copy, _of_its_sku],
    line_item_id=_line.c.id,
)
_BARRED = errors(
    "line_items",
    "sku_not_purchasable",
    _label + " is not purchasable",
    _names_a_sku,
    _is_barred,
    joins=[_lines_of_copy, _of_its_sku],
    line_item_id=_line.c.id,
)


def find_notable_skus(db: Connection) -> None:
    """Note the SKUs of the batch that are not simply there to be bought and shipped.

    Many lines name the same SKU, so the catalogue and the stock are asked once per SKU.
    """
    others = exists().where(claims.c.factory_id < _first_in_hand())
    db.execute(insert_notable_skus(after_others=bool(db.scalar(select(others)))))


def check_line_items(db: Connection) -> int:
    """Record orders without lines, and lines that cannot be copied; how many errors.

    A line cannot be copied with a quantity below 1, or when its SKU is not in the catalogue any
    more or not purchasable.
    """
    found = written(db, _NO_LINE)
    if db.scalar(select(exists().where(line_sums.c.quantities_below_one > 0))):
        found += written(db, _BELOW_ONE)
    if db.scalar(select(exists().where(_is_gone))):
        found += written(db, _GONE)
    if db.scalar(select(exists().where(_is_barred))):
        found += written(db, _BARRED)
    if found:
        _leave_out_wrong_lines(db)
    return found


@cache
def insert_notable_skus(*, after_others: bool) -> Insert:
    """One row per SKU code that is gone, not for sale, not shipped, or wanted more than it is there.

    A batch has one mode, and so has its catalogue. `after_others` says that earlier parts of the
    batch were copied already in this transaction, and what they got is not there any more.
    """
    wanted = (
        select(
            _line.c.sku_code,
            func.sum(case((_line.c.quantity > 0, _line.c.quantity), else_=0)).label("quantity"),
        )
        .select_from(copies)
        .join(*_lines_of_copy)
        .where(_names_a_sku)
        .group_by(_line.c.sku_code)
        .subquery("wanted")
    )
    held = select(func.coalesce(func.sum(_stock.c.quantity), 0))
    held = held.where(_stock.c.sku_id == _sku.c.id)
    available: ColumnElement[int] = held.scalar_subquery()
    mode = select(copies.c.mode).limit(1).scalar_subquery()
    asked: FromClause = wanted.outerjoin(
        _sku, and_(_sku.c.mode == mode, _sku.c.code == wanted.c.sku_code)
    )
    if after_others:
        promised = _promised()
        asked = asked.outerjoin(promised, promised.c.sku_code == wanted.c.sku_code)
        available = available - func.coalesce(promised.c.quantity, 0)
    known = (
        select(
            wanted.c.sku_code,
            _sku.c.id.label("sku_id"),
            _sku.c.purchasable,
            _sku.c.do_not_ship,
            wanted.c.quantity,
            # What is not tracked is never short, nor is what is not there at all.
            case((not_(_sku.c.do_not_track), available)).label("available"),
        )
        .select_from(asked)
        .subquery("known")
    )
    short = known.c.quantity > known.c.available
    notable = or_(known.c.sku_id.is_(None), not_(known.c.purchasable), known.c.do_not_ship, short)
    values = {
        "sku_code": func.coalesce(known.c.sku_code, ""),
        "sku_id": known.c.sku_id,
        "purchasable": func.coalesce(known.c.purchasable, True),
        "do_not_ship": func.coalesce(known.c.do_not_ship, False),
        "available": case((short, known.c.available)),
    }
    return insert(notable_skus).from_select(list(values), select(*values.values()).where(notable))


def _promised() -> Subquery:
    """What the earlier parts of the batch were copied with and did not take from the stock.

    Copied in parts because of one order at fault, the others end as they would without it.
    """
    return (
        select(_line.c.sku_code, func.sum(_line.c.quantity).label("quantity"))
        .select_from(claims)
        .join(OrderFactory, OrderFactory.id == claims.c.factory_id)
        .join(Order, Order.id == OrderFactory.target_order_id)
        .join(_line, _line.c.order_id == Order.id)
        .where(
            claims.c.factory_id < _first_in_hand(), Order.status != OrderStatus.PLACED, _names_a_sku
        )
        .group_by(_line.c.sku_code)
        .subquery("promised")
    )


def _first_in_hand() -> ColumnElement[int]:
    return select(func.min(copies.c.factory_id)).scalar_subquery()


def _leave_out_wrong_lines(db: Connection) -> None:
    """Note, for the copies with `skip_errors`, the lines that errors were recorded for."""
    wrong = (
        select(copies.c.factory_id, CopyError.line_item_id)
        .distinct()
        .join(CopyError, CopyError.order_factory_id == copies.c.factory_id)
        .where(copies.c.skip_errors, CopyError.line_item_id.is_not(None))
    )
    db.execute(insert(left_out_lines).from_select(["factory_id", "line_item_id"], wrong))
