"""Take stock for placed orders, reserve it for orders being placed, and return it.

A row in `stock_reservations` says how many pieces of a stock item an order has, so that exactly
these are returned. Every statement covers all orders of a transaction.
"""

from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    CompoundSelect,
    Connection,
    Insert,
    Select,
    Update,
    and_,
    case,
    exists,
    func,
    literal,
    not_,
    select,
    union_all,
    update,
)

from order_factory.models.database.foreign_keys import skipping_key_checks
from order_factory.models.database.row_locks import lock_rows
from order_factory.models.errors import TryAgain
from order_factory.models.tables import (
    LineItem,
    Order,
    OrderFactory,
    Sku,
    StockItem,
    StockReservation,
)
from order_factory.models.tables.skus import ReservationStatus
from order_factory.models.values.statuses import ItemType
from order_factory.models.values.stock_policies import StockPolicy
from order_factory.tasks.stock.bundles import (
    PART_CODE,
    PART_QUANTITY,
    is_part_left_out,
    join_bundle_items,
)
from order_factory.tasks.working_set.statements import (
    NOW,
    execute_and_count,
    insert_counted,
    table_of,
    times,
)
from order_factory.tasks.working_set.tables import (
    bundle_parts,
    copies,
    placed_pieces,
    placements,
    stock_shares,
)

Orders = Select[tuple[int]]

_line, _sku, _order = table_of(LineItem), table_of(Sku), table_of(Order)
_factory = table_of(OrderFactory)
_stock, _reservation = table_of(StockItem), table_of(StockReservation)
_RESERVED, _TAKEN, _RELEASED = ReservationStatus


def take_stock(db: Connection, now: datetime, *, few: bool = True) -> None:
    """Take the pieces of the orders to place, from each SKU's stock locations in turn.

    Enough pieces are there, because the stock was locked and counted before the copy. An order that
    waits for its payment only reserves its pieces. An order that ignores the stock takes none. The
    transaction must have written or locked the orders. Raises `TryAgain` if a stock item was
    deleted in the meantime.
    """
    bundles = bool(db.scalar(_HAS_BUNDLES))
    if not execute_and_count(db, insert_placed_pieces(bundles=bundles)):
        return
    shares = execute_and_count(db, insert_stock_shares())
    several = bool(db.scalar(_HAS_SHARED))
    with skipping_key_checks(db, _reservation, few=few) as checks_skipped:
        # Most stock items are locked already. This locks the rest, and finds deleted ones.
        if checks_skipped and lock_rows(db, _stock, select(stock_shares.c.stock_item_id)) != shares:
            raise TryAgain("a stock item was deleted during the copy")
        execute_and_count(db, insert_only_reservations(), now=now)
        if several:
            execute_and_count(db, insert_shared_reservations(), now=now)
    db.execute(_subtract_from_only_items())
    if several:
        db.execute(_subtract_from_shared_items())


def end_reservations(db: Connection, orders: Orders, *, placed: bool, now: datetime) -> None:
    """Take the reserved pieces of these orders if they are `placed`. Otherwise release them."""
    status = _TAKEN if placed else _RELEASED
    _change_reservations(
        db, orders, _RESERVED, status, quantity=-1 if placed else 0, reserved=-1, now=now
    )


def return_stock(db: Connection, orders: Orders, now: datetime) -> None:
    """Return the pieces of these cancelled orders to the stock items that they came from.

    An order that another system placed has no reservations. Its pieces go to the first stock item
    of each SKU. A copy that ignored the stock took none.
    """
    order_id = orders.selected_columns[0]
    ignores = exists().where(
        _order.c.id == order_id,
        _factory.c.id == _order.c.order_factory_id,
        _factory.c.stock == StockPolicy.IGNORE,
    )
    unrecorded = orders.where(
        not_(exists().where(_reservation.c.order_id == order_id)),
        not_(ignores.correlate_except(_order, _factory)),
    )
    stock_items = _select_first_items(unrecorded)
    _lock_stock(db, stock_items)
    returned = stock_items.subquery("returned")
    added = update(_stock).where(_stock.c.id == returned.c.stock_item_id)
    db.execute(added.values(quantity=_stock.c.quantity + returned.c.quantity))
    _change_reservations(db, orders, _TAKEN, _RELEASED, quantity=1, reserved=0, now=now)


@cache
def insert_placed_pieces(*, bundles: bool) -> Insert:
    """Insert the quantity of each tracked SKU in all lines and bundles of each placed order.

    `bundles` says whether some current copy has a bundle.
    """
    orders = placements.join(copies, copies.c.factory_id == placements.c.factory_id)
    if bundles:
        pieces = _select_pieces().subquery("pieces")
        code, quantity = pieces.c.sku_code, pieces.c.quantity
        rows = orders.join(pieces, pieces.c.factory_id == placements.c.factory_id)
        conditions = [copies.c.stock != StockPolicy.IGNORE]
    else:
        code, quantity = _line.c.sku_code, _line.c.quantity
        rows = orders.join(_line, _line.c.order_id == copies.c.target_order_id)
        conditions = [copies.c.stock != StockPolicy.IGNORE, _line.c.item_type == ItemType.SKUS]
    columns = (
        _sku.c.id,
        placements.c.factory_id,
        copies.c.target_order_id,
        placements.c.remote,
    )
    summed = (
        select(*columns, func.sum(quantity))
        .select_from(rows.join(_sku, and_(_sku.c.mode == copies.c.mode, _sku.c.code == code)))
        .where(*conditions, not_(_sku.c.do_not_track))
        .group_by(*columns)
    )
    names = ["sku_id", "factory_id", "order_id", "remote", "quantity"]
    return insert_counted(placed_pieces, names, summed)


def _select_pieces() -> CompoundSelect[tuple[int, str | None, int]]:
    """Select the pieces of SKUs in the lines and in the bundles of each placed order."""
    in_lines = (
        select(placements.c.factory_id, _line.c.sku_code, _line.c.quantity)
        .select_from(placements)
        .join(copies, copies.c.factory_id == placements.c.factory_id)
        .join(_line, _line.c.order_id == copies.c.target_order_id)
        .where(_line.c.item_type == ItemType.SKUS)
    )
    # The pieces at the time when the stock was counted. The bundle may have changed since.
    in_bundles = (
        select(placements.c.factory_id, bundle_parts.c.sku_code, bundle_parts.c.quantity)
        .select_from(placements)
        .join(bundle_parts, bundle_parts.c.factory_id == placements.c.factory_id)
        .where(not_(is_part_left_out()))
    )
    return union_all(in_lines, in_bundles)


def insert_stock_shares() -> Insert:
    """Insert the free pieces of every SKU of the placements, location by location."""
    free = _stock.c.quantity - _stock.c.reserved
    last = func.sum(free).over(partition_by=_stock.c.sku_id, order_by=_stock.c.id, rows=(None, 0))
    only = func.count().over(partition_by=_stock.c.sku_id) == 1
    wanted = select(placed_pieces.c.sku_id).distinct()
    rows = select(_stock.c.sku_id, _stock.c.id, last - free, last, only).where(
        _stock.c.sku_id.in_(wanted), free > 0
    )
    return insert_counted(stock_shares, ["sku_id", "stock_item_id", "first", "last", "only"], rows)


_share = stock_shares.c
_HAS_BUNDLES = select(exists(select(bundle_parts.c.factory_id)))
_HAS_SHARED = select(exists().where(not_(_share.only)))


@cache
def insert_only_reservations() -> Insert:
    """Insert the reservations of SKUs that only one stock item has, as for most SKUs."""
    wants = placed_pieces.c
    values = {
        "order_id": wants.order_id,
        "stock_item_id": _share.stock_item_id,
        "quantity": wants.quantity,
        "status": case((wants.remote, _RESERVED.value), else_=_TAKEN.value),
        **times(NOW),
    }
    rows = select(*values.values()).select_from(
        placed_pieces.join(stock_shares, _share.sku_id == wants.sku_id)
    )
    return insert_counted(_reservation, list(values), rows.where(_share.only, wants.quantity > 0))


@cache
def insert_shared_reservations() -> Insert:
    """Insert the reservations of SKUs that several stock items have, earlier factories first."""
    wants = placed_pieces
    shared = wants.c.sku_id.in_(select(_share.sku_id).where(not_(_share.only)))
    end = func.sum(wants.c.quantity).over(
        partition_by=wants.c.sku_id, order_by=wants.c.factory_id, rows=(None, 0)
    )
    wanted = select(wants, (end - wants.c.quantity).label("first"), end.label("last"))
    span = wanted.where(shared).subquery("span")
    begins = case((span.c.first > _share.first, span.c.first), else_=_share.first)
    ends = case((span.c.last < _share.last, span.c.last), else_=_share.last)
    status = case((span.c.remote, _RESERVED.value), else_=_TAKEN.value)
    values = {
        "order_id": span.c.order_id,
        "stock_item_id": _share.stock_item_id,
        "quantity": ends - begins,
        "status": status,
        **times(NOW),
    }
    rows = select(*values.values()).select_from(
        span.join(stock_shares, _share.sku_id == span.c.sku_id)
    )
    return insert_counted(_reservation, list(values), rows.where(ends > begins))


@cache
def _subtract_from_only_items() -> Update:
    """Subtract the taken and reserved pieces from the stock items that are their SKU's only one."""
    wants = placed_pieces.c
    pieces = (
        select(
            func.min(_share.stock_item_id).label("stock_item_id"),
            func.sum(case((wants.remote, 0), else_=wants.quantity)).label("taken"),
            func.sum(case((wants.remote, wants.quantity), else_=0)).label("reserved"),
        )
        .select_from(placed_pieces.join(stock_shares, _share.sku_id == wants.sku_id))
        .where(_share.only)
        .group_by(wants.sku_id)
    )
    return _add_to_stock(pieces)


@cache
def _subtract_from_shared_items() -> Update:
    """Subtract the pieces that the current orders took or reserved from the other stock items."""
    rows = select(copies.c.target_order_id).join(
        placements, placements.c.factory_id == copies.c.factory_id
    )
    shared = select(_share.stock_item_id).where(not_(_share.only))
    taken_pieces = case((_reservation.c.status == _TAKEN, _reservation.c.quantity), else_=0)
    reserved = case((_reservation.c.status == _RESERVED, _reservation.c.quantity), else_=0)
    pieces = (
        select(
            _reservation.c.stock_item_id,
            func.sum(taken_pieces).label("taken"),
            func.sum(reserved).label("reserved"),
        )
        .where(_reservation.c.order_id.in_(rows), _reservation.c.status != _RELEASED)
        .where(_reservation.c.stock_item_id.in_(shared))
        .group_by(_reservation.c.stock_item_id)
    )
    return _add_to_stock(pieces)


def _add_to_stock(rows: Select[Any]) -> Update:
    """Subtract `taken` from the quantity of the stock items, and add up what they have reserved."""
    pieces = rows.subquery("pieces")
    stock = update(_stock).where(_stock.c.id == pieces.c.stock_item_id)
    return stock.values(
        quantity=_stock.c.quantity - pieces.c.taken, reserved=_stock.c.reserved + pieces.c.reserved
    )


def _change_reservations(
    db: Connection,
    orders: Orders,
    before: ReservationStatus,
    after: ReservationStatus,
    *,
    quantity: int,
    reserved: int,
    now: datetime,
) -> None:
    """Change the reservations of these orders from status `before` to `after`, and their stock.

    `quantity` and `reserved` are added to the stock item for each piece: 1, 0 or -1.
    """
    is_affected = and_(_reservation.c.order_id.in_(orders), _reservation.c.status == before)
    pieces = (
        select(_reservation.c.stock_item_id, func.sum(_reservation.c.quantity).label("pieces"))
        .where(is_affected)
        .group_by(_reservation.c.stock_item_id)
    )
    _lock_stock(db, pieces)
    moved = pieces.subquery("moved")
    stock = update(_stock).where(_stock.c.id == moved.c.stock_item_id)
    db.execute(
        stock.values(
            quantity=_stock.c.quantity + literal(quantity) * moved.c.pieces,
            reserved=_stock.c.reserved + literal(reserved) * moved.c.pieces,
        )
    )
    db.execute(update(_reservation).where(is_affected).values(status=after, updated_at=now))


def _select_first_items(orders: Orders) -> Select[tuple[int, int]]:
    """Select the first stock item of each tracked SKU in these orders, and their quantity."""
    first = (
        select(func.min(_stock.c.id))
        .where(_stock.c.sku_id == _sku.c.id)
        .correlate(_sku)
        .scalar_subquery()
    )
    was_placed = and_(
        _order.c.id.in_(orders), _order.c.placed_at.is_not(None), _line.c.quantity > 0
    )
    in_lines = (
        select(_order.c.mode, _line.c.sku_code, _line.c.quantity)
        .select_from(_order.join(_line, _line.c.order_id == _order.c.id))
        .where(was_placed, _line.c.item_type == ItemType.SKUS)
    )
    in_bundles = (
        select(_order.c.mode, PART_CODE, PART_QUANTITY)
        .select_from(join_bundle_items(_order, _order.c.id, _order.c.mode))
        .where(was_placed)
    )
    pieces = union_all(in_lines, in_bundles).subquery("pieces")
    order_pieces = (
        select(_sku.c.id, first.label("stock_item_id"), pieces.c.quantity)
        .join(pieces, and_(_sku.c.mode == pieces.c.mode, _sku.c.code == pieces.c.sku_code))
        .where(not_(_sku.c.do_not_track))
        .subquery("order_pieces")
    )
    return (
        select(order_pieces.c.stock_item_id, func.sum(order_pieces.c.quantity).label("quantity"))
        .where(order_pieces.c.stock_item_id.is_not(None))
        .group_by(order_pieces.c.stock_item_id)
    )


def _lock_stock(db: Connection, rows: Select[tuple[int, int]]) -> None:
    """Lock these stock items in the order of their keys, so that two runs cannot deadlock."""
    lock_rows(db, _stock, select(rows.subquery("wanted").c.stock_item_id))
