"""Stock: who gets the pieces of a SKU that the orders of a batch want more of than there is."""

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    String,
    Subquery,
    Update,
    and_,
    case,
    cast,
    exists,
    func,
    insert,
    literal,
    not_,
    select,
    update,
)

from models import CopyError, LineItem, Sku, StockItem
from models.dialects import on_sqlite
from tasks.errors import record
from tasks.inserts import insert_counted, table_of, written
from tasks.line_checks import is_left_out, lines_in_hand
from tasks.work_tables import (
    GRANTED,
    OPEN,
    REFUSED,
    contested,
    copies,
    left_out_lines,
    short_skus,
)

_line, _sku, _stock = table_of(LineItem), table_of(Sku), table_of(StockItem)

_tracked = and_(_sku.c.id.is_not(None), not_(_sku.c.do_not_track), _line.c.quantity > 0)


def check_stock(db: Connection) -> int:
    """Record the copies that there is not enough stock for; how many errors.

    All lines of a SKU in the batch are considered together, and earlier factories come first: an
    order is served when what it wants is left by the orders served before it. An order that
    fails for whatever reason takes nothing. Comes after all other checks for that reason.
    """
    lock_wanted_stock(db)
    if not written(db, insert_short_skus()):
        return 0
    db.execute(insert_contested())
    db.execute(refuse_unsound())
    # Each round decides at least the earliest undecided copy, and mostly nearly all of them.
    while written(db, refuse_hopeless()) + written(db, grant_certain()):
        pass
    found = _record_shortages(db)
    _leave_out_short_lines(db)
    return found


def lock_wanted_stock(db: Connection) -> None:
    """Lock the stock that this batch will take, in the order of its keys, until the commit.

    On SQLite the writing transaction has the database to itself.
    """
    if on_sqlite(db):
        return
    wanted = select(_sku.c.id).select_from(lines_in_hand())
    wanted = wanted.where(copies.c.place_target_order, _tracked)
    rows = select(_stock.c.id).where(_stock.c.sku_id.in_(wanted)).order_by(_stock.c.id)
    locked = rows.with_for_update().subquery()
    db.execute(select(func.count()).select_from(locked))


def insert_short_skus() -> Insert:
    """The tracked SKUs that the copies in hand want more of than the stock locations hold."""
    wanted = (
        select(_sku.c.id, _sku.c.mode, _sku.c.code, func.sum(_line.c.quantity).label("quantity"))
        .select_from(lines_in_hand())
        .where(_tracked)
        .group_by(_sku.c.id, _sku.c.mode, _sku.c.code)
        .subquery("wanted")
    )
    held = select(func.coalesce(func.sum(_stock.c.quantity), 0))
    held = held.where(_stock.c.sku_id == wanted.c.id)
    available = held.scalar_subquery()
    rows = select(wanted.c.id, wanted.c.mode, wanted.c.code, available)
    rows = rows.where(wanted.c.quantity > available)
    return insert_counted(short_skus, ["sku_id", "mode", "sku_code", "available"], rows)


def insert_contested() -> Insert:
    """One row per copy and short SKU, undecided: how much the copy wants in all its lines."""
    share = case(
        # With skip_errors each SKU of an order is a share of its own, so it gets its own number.
        (
            copies.c.skip_errors,
            -func.row_number().over(order_by=(copies.c.factory_id, short_skus.c.sku_id)),
        ),
        else_=copies.c.factory_id,
    )
    rows = (
        select(
            copies.c.factory_id,
            short_skus.c.sku_id,
            share,
            func.sum(_line.c.quantity),
            short_skus.c.available,
            literal(OPEN),
        )
        .select_from(copies)
        .join(_line, _line.c.order_id == copies.c.source_order_id)
        .join(
            short_skus,
            and_(short_skus.c.mode == copies.c.mode, short_skus.c.sku_code == _line.c.sku_code),
        )
        .where(_line.c.item_type == "skus", _line.c.quantity > 0, not_(is_left_out()))
        .group_by(
            copies.c.factory_id,
            copies.c.skip_errors,
            short_skus.c.sku_id,
            short_skus.c.available,
        )
    )
    names = ["factory_id", "sku_id", "share", "quantity", "available", "state"]
    return insert(contested).from_select(names, rows)


def refuse_unsound() -> Update:
    """Copies that fail for another reason take no stock."""
    wrong = select(copies.c.factory_id).where(
        not_(copies.c.skip_errors),
        exists().where(CopyError.order_factory_id == copies.c.factory_id),
    )
    return update(contested).values(state=REFUSED).where(contested.c.factory_id.in_(wrong))


def refuse_hopeless() -> Update:
    """Refuse the shares that want more than is left by what was granted before them."""
    wants = _wanted_up_to_here(contested.c.state == GRANTED)
    hopeless = select(wants.c.share).where(wants.c.state == OPEN)
    hopeless = hopeless.where(wants.c.before + wants.c.quantity > wants.c.available)
    return _decide(REFUSED).where(contested.c.share.in_(hopeless))


def grant_certain() -> Update:
    """Grant the shares that have enough even if all that is undecided before them is granted."""
    wants = _wanted_up_to_here(contested.c.state != REFUSED)
    uncertain = select(wants.c.share).where(wants.c.state == OPEN)
    uncertain = uncertain.where(wants.c.before + wants.c.quantity > wants.c.available)
    return _decide(GRANTED).where(contested.c.share.not_in(uncertain))


def _wanted_up_to_here(counts: ColumnElement[bool]) -> Subquery:
    """Every row with what the rows that count want of its SKU before it."""
    upto = func.sum(case((counts, contested.c.quantity), else_=0)).over(
        partition_by=contested.c.sku_id, order_by=contested.c.factory_id, rows=(None, -1)
    )
    return select(
        contested.c.share,
        contested.c.state,
        contested.c.quantity,
        contested.c.available,
        contested.c.factory_id,
        contested.c.sku_id,
        func.coalesce(upto, 0).label("before"),
    ).subquery()


def _decide(state: int) -> Update:
    return update(contested).values(state=state).where(contested.c.state == OPEN)


def _record_shortages(db: Connection) -> int:
    wants = _wanted_up_to_here(contested.c.state == GRANTED)
    left = wants.c.available - wants.c.before
    told = (
        literal("SKU ")
        + short_skus.c.sku_code
        + ": "
        + cast(wants.c.quantity, String)
        + " wanted, "
        + cast(left, String)
        + " in stock"
    )
    return record(
        db,
        "line_items",
        "not_enough_stock",
        told,
        wants.c.quantity > left,
        joins=[
            (wants, wants.c.factory_id == copies.c.factory_id),
            (short_skus, short_skus.c.sku_id == wants.c.sku_id),
        ],
    )


def _leave_out_short_lines(db: Connection) -> None:
    """Note, for the copies with `skip_errors`, the lines of the SKUs that they were refused."""
    refused = (
        select(copies.c.factory_id, _line.c.id)
        .join(contested, contested.c.factory_id == copies.c.factory_id)
        .join(short_skus, short_skus.c.sku_id == contested.c.sku_id)
        .join(_line, _line.c.order_id == copies.c.source_order_id)
        .where(copies.c.skip_errors, contested.c.state == REFUSED, _line.c.item_type == "skus")
        .where(_line.c.sku_code == short_skus.c.sku_code, not_(is_left_out()))
    )
    db.execute(insert(left_out_lines).from_select(["factory_id", "line_item_id"], refused))
