"""Stock: which orders of a batch get the pieces of a SKU that is short."""

from sqlalchemy import Connection, and_, exists, func, select, union, union_all

from order_factory.models.database.row_locks import locks_whole_database
from order_factory.models.tables import LineItem, Sku, StockItem
from order_factory.models.values.statuses import ItemType
from order_factory.models.values.stock_policies import StockPolicy
from order_factory.tasks.stock.last_lines import find_last_lines
from order_factory.tasks.stock.reductions import reduce_lines
from order_factory.tasks.stock.shares import (
    IS_SHORT,
    grant_shares,
    insert_contested,
    refuse_invalid_copies,
    select_wanted_before,
)
from order_factory.tasks.stock.shortages import leave_out_short_lines, record_shortages
from order_factory.tasks.working_set.statements import table_of
from order_factory.tasks.working_set.tables import (
    GRANTED,
    bundle_parts,
    changed_lines,
    contested,
    copies,
)

_line, _sku, _stock = table_of(LineItem), table_of(Sku), table_of(StockItem)

TAKES_STOCK = and_(copies.c.place_target_order, copies.c.stock != StockPolicy.IGNORE)


def lock_wanted_stock(db: Connection) -> int:
    """Lock the stock that this batch will take, in the order of its keys, until the commit.

    Returns the number of locked stock items. On SQLite it is 0: a writing transaction locks the
    whole database.
    """
    if locks_whole_database(db):
        return 0
    in_lines = (
        select(copies.c.mode, _line.c.sku_code)
        .join(_line, _line.c.order_id == copies.c.source_order_id)
        .where(TAKES_STOCK, _line.c.item_type == ItemType.SKUS)
    )
    in_bundles = (
        select(copies.c.mode, bundle_parts.c.sku_code)
        .join(bundle_parts, bundle_parts.c.factory_id == copies.c.factory_id)
        .where(TAKES_STOCK)
    )
    # Many lines have the same SKU. The union looks it up once.
    codes = union(in_lines, in_bundles).subquery("codes").c
    sku_ids = union_all(
        select(_sku.c.id).where(_sku.c.mode == codes.mode, _sku.c.code == codes.sku_code),
        select(changed_lines.c.sku_id)
        .join(copies, copies.c.factory_id == changed_lines.c.factory_id)
        .where(TAKES_STOCK),
    )
    rows = select(_stock.c.id).where(_stock.c.sku_id.in_(sku_ids)).order_by(_stock.c.id)
    locked = rows.with_for_update().subquery()
    return db.scalar(select(func.count()).select_from(locked)) or 0


def check_stock(db: Connection, *, with_limits: bool = False) -> int:
    """Record an error for each copy without enough stock. Returns the number of errors.

    All lines of a SKU in the batch count together, and earlier factories come first: an order gets
    its pieces if the orders before it leave enough. An order that fails for another reason takes
    nothing, so this check is the last one. An order that ignores the stock is not checked.

    With `with_limits`, `tmp_contested` already holds the uses of coupons and promotions. Stock and
    uses are decided together.
    """
    if not with_limits and not db.scalar(select(exists().where(IS_SHORT))):
        return 0
    db.execute(insert_contested())
    db.execute(refuse_invalid_copies())
    last_lines = with_limits and find_last_lines(db)
    grant_shares(db, last_lines=last_lines)
    errors = record_shortages(db)
    if db.scalar(select(exists().where(contested.c.partial))):
        reduce_lines(db, select_wanted_before(contested.c.state == GRANTED))
    leave_out_short_lines(db, last_lines)
    return errors
