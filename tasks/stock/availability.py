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
    or_,
    select,
    update,
)

from order_factory.models.database.dialects import on_sqlite
from order_factory.models.tables import CopyError, LineItem, Sku, StockItem
from order_factory.models.values.statuses import ItemType
from order_factory.models.values.stock_policies import StockPolicy
from order_factory.tasks.working_set.copy_errors import errors, some_copy
from order_factory.tasks.working_set.line_totals import is_left_out
from order_factory.tasks.working_set.statements import execute_and_count, table_of
from order_factory.tasks.working_set.tables import (
    GRANTED,
    OPEN,
    REFUSED,
    contested,
    copies,
    flagged_skus,
    left_out_lines,
)

_line, _sku, _stock = table_of(LineItem), table_of(Sku), table_of(StockItem)

_is_short = flagged_skus.c.available.is_not(None)


def check_stock(db: Connection, *, contested_already: bool = False) -> int:
    """Record the copies that there is not enough stock for; how many errors.

    What else is limited may stand in `tmp_contested` already; it is decided together.

    All lines of a SKU in the batch are considered together, and earlier factories come first: an
    order is served when what it wants is left by the orders served before it. An order that
    fails for whatever reason takes nothing, and one that ignores the stock is not asked about. Comes after all other checks for that reason.
    """
    if not contested_already and not db.scalar(select(exists().where(_is_short))):
        return 0
    db.execute(insert_contested())
    db.execute(refuse_unsound())
    # Each round decides at least the earliest undecided copy, and mostly nearly all of them.
    while execute_and_count(db, refuse_hopeless()) + execute_and_count(db, grant_certain()):
        pass
    found = _record_shortages(db)
    _leave_out_short_lines(db)
    return found


def lock_wanted_stock(db: Connection) -> int:
    """Lock the stock that this batch will take, in the order of its keys, until the commit.

    Returns how many stock items are locked. On SQLite it is none: the writing transaction has the
    database to itself.
    """
    if on_sqlite(db):
        return 0
    takes = and_(copies.c.place_target_order, copies.c.stock == StockPolicy.TAKE)
    if not db.scalar(some_copy(takes)):
        return 0
    wanted = (
        select(_sku.c.id)
        .select_from(copies)
        .join(_line, _line.c.order_id == copies.c.source_order_id)
        .join(_sku, and_(_sku.c.mode == copies.c.mode, _sku.c.code == _line.c.sku_code))
        .where(takes, _line.c.item_type == ItemType.SKUS)
    )
    rows = select(_stock.c.id).where(_stock.c.sku_id.in_(wanted)).order_by(_stock.c.id)
    locked = rows.with_for_update().subquery()
    return db.scalar(select(func.count()).select_from(locked)) or 0


def insert_contested() -> Insert:
    """One row per copy and short SKU, undecided: how much the copy wants in all its lines."""
    share = case(
        # With skip_errors each SKU of an order is a share of its own, so it gets its own number.
        (
            copies.c.skip_errors,
            -func.row_number().over(order_by=(copies.c.factory_id, flagged_skus.c.sku_id)),
        ),
        else_=copies.c.factory_id,
    )
    rows = (
        select(
            copies.c.factory_id,
            flagged_skus.c.sku_id,
            share,
            func.sum(_line.c.quantity),
            flagged_skus.c.available,
            literal(OPEN),
        )
        .select_from(copies)
        .join(_line, _line.c.order_id == copies.c.source_order_id)
        .join(flagged_skus, flagged_skus.c.sku_code == _line.c.sku_code)
        .where(copies.c.stock == StockPolicy.TAKE, _is_short)
        .where(_line.c.item_type == ItemType.SKUS, _line.c.quantity > 0)
        .where(not_(is_left_out()))
        .group_by(
            copies.c.factory_id,
            copies.c.skip_errors,
            flagged_skus.c.sku_id,
            flagged_skus.c.available,
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
    wants = wanted_before(contested.c.state == GRANTED)
    hopeless = select(wants.c.share).where(wants.c.state == OPEN)
    hopeless = hopeless.where(wants.c.before + wants.c.quantity > wants.c.available)
    return _decide(REFUSED).where(or_(contested.c.share.in_(hopeless), _order_is(REFUSED)))


def grant_certain() -> Update:
    """Grant the shares that have enough even if all that is undecided before them is granted."""
    wants = wanted_before(contested.c.state != REFUSED)
    uncertain = select(wants.c.share).where(wants.c.state == OPEN)
    uncertain = uncertain.where(wants.c.before + wants.c.quantity > wants.c.available)
    return _decide(GRANTED).where(
        contested.c.share.not_in(uncertain), not_(_order_is(OPEN, REFUSED))
    )


def _order_is(*states: int) -> ColumnElement[bool]:
    """Whether this is a share beside that of the whole order, and that one is in such a state."""
    whole = contested.alias("whole")
    return exists().where(
        whole.c.factory_id == contested.c.factory_id,
        whole.c.share == whole.c.factory_id,
        contested.c.share != contested.c.factory_id,
        whole.c.state.in_(states),
    )


def wanted_before(counts: ColumnElement[bool]) -> Subquery:
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
    wants = wanted_before(contested.c.state == GRANTED)
    left = wants.c.available - wants.c.before
    message = (
        literal("SKU ")
        + flagged_skus.c.sku_code
        + ": "
        + cast(wants.c.quantity, String)
        + " wanted, "
        + cast(left, String)
        + " in stock"
    )
    shortages = errors(
        "line_items",
        "not_enough_stock",
        message,
        wants.c.quantity > left,
        joins=[
            (wants, wants.c.factory_id == copies.c.factory_id),
            (flagged_skus, flagged_skus.c.sku_id == wants.c.sku_id),
        ],
    )
    return execute_and_count(db, shortages)


def _leave_out_short_lines(db: Connection) -> None:
    """Note, for the copies with `skip_errors`, the lines of the SKUs that they were refused."""
    refused = (
        select(copies.c.factory_id, _line.c.id)
        .join(contested, contested.c.factory_id == copies.c.factory_id)
        .join(flagged_skus, flagged_skus.c.sku_id == contested.c.sku_id)
        .join(_line, _line.c.order_id == copies.c.source_order_id)
        .where(
            copies.c.skip_errors, contested.c.state == REFUSED, _line.c.item_type == ItemType.SKUS
        )
        .where(_line.c.sku_code == flagged_skus.c.sku_code, not_(is_left_out()))
    )
    db.execute(insert(left_out_lines).from_select(["factory_id", "line_item_id"], refused))
