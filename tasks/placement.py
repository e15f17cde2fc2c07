"""Placing the target orders that are to be placed and can be; their stock is taken."""

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    String,
    Update,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    update,
)

from models import CopyError, LineItem, Order, Sku, StockItem
from models.statuses import FulfillmentStatus, ItemType, OrderStatus, PaymentStatus
from tasks.batch import Batch
from tasks.errors import errors
from tasks.inserts import NOW, insert_counted, table_of, written
from tasks.steps import step
from tasks.work_tables import copies, line_sums, placements

# Before the key in the number of an order that was placed here; it keeps such numbers apart from
# the shop's own.
NUMBER_PREFIX = "OF"

_target, _stock = table_of(Order), table_of(StockItem)
_sums_of_copy = (line_sums, line_sums.c.factory_id == copies.c.factory_id)
_target_of_copy = (_target, _target.c.id == copies.c.target_order_id)
_to_be_placed = and_(copies.c.sound, copies.c.place_target_order)
_to_pay = _target.c.total_amount_with_taxes_cents > 0
_lacks_payment_source = and_(_to_pay, _target.c.payment_source_id.is_(None))


@step(name="place target orders", field="status")
def place_target_orders(db: Connection, batch: Batch) -> int:
    """Place what can be placed, take its stock, and record why the rest cannot; orders placed.

    An order that cannot be placed stays as it was copied.
    """
    if not db.scalar(select(exists().where(_to_be_placed))):
        return 0
    placed = written(db, insert_placements())
    _record_obstacles(db)
    if placed:
        db.execute(take_stock())
        # Authorising the payment has its place here: between taking the stock and `placed`.
        db.execute(update_orders(), {"now": batch.started_at})
    return placed


def insert_placements() -> Insert:
    """The copies whose target has what placing needs."""
    rows = (
        select(copies.c.factory_id)
        .join(*_target_of_copy)
        .join(*_sums_of_copy)
        .where(
            _to_be_placed,
            _target.c.status == OrderStatus.PENDING,
            func.coalesce(_target.c.customer_email, "") != "",
            _target.c.billing_address_id.is_not(None),
            or_(line_sums.c.lines_to_ship == 0, _target.c.shipping_address_id.is_not(None)),
            line_sums.c.purchasable_lines > 0,
            not_(_lacks_payment_source),
        )
    )
    return insert_counted(placements, ["factory_id"], rows)


def take_stock() -> Update:
    """Take the pieces of the placed orders, from each SKU's stock locations in turn.

    There is enough: the stock was locked and counted before anything was copied.
    """
    line, sku = table_of(LineItem), table_of(Sku)
    wanted = (
        select(sku.c.id.label("sku_id"), func.sum(line.c.quantity).label("quantity"))
        .select_from(placements)
        .join(copies, copies.c.factory_id == placements.c.factory_id)
        .join(line, line.c.order_id == copies.c.target_order_id)
        .join(sku, and_(sku.c.mode == copies.c.mode, sku.c.code == line.c.sku_code))
        .where(line.c.item_type == ItemType.SKUS, not_(sku.c.do_not_track))
        .group_by(sku.c.id)
        .subquery("wanted")
    )
    elsewhere = func.sum(_stock.c.quantity).over(
        partition_by=_stock.c.sku_id, order_by=_stock.c.id, rows=(None, -1)
    )
    share = (
        select(
            _stock.c.id,
            _stock.c.quantity.label("held"),
            (wanted.c.quantity - func.coalesce(elsewhere, 0)).label("still_wanted"),
        )
        .join(wanted, wanted.c.sku_id == _stock.c.sku_id)
        .subquery("share")
    )
    taken = case((share.c.still_wanted < share.c.held, share.c.still_wanted), else_=share.c.held)
    stock = update(_stock).values(quantity=_stock.c.quantity - taken)
    return stock.where(_stock.c.id == share.c.id, share.c.still_wanted > 0)


def update_orders() -> Update:
    """The targets of the placements become `placed`, with a number and a time."""
    return (
        update(_target)
        .where(_target.c.id == copies.c.target_order_id)
        .where(copies.c.factory_id == placements.c.factory_id)
        .where(line_sums.c.factory_id == copies.c.factory_id)
        .values(
            status=OrderStatus.PLACED,
            placed_at=NOW,
            number=literal(NUMBER_PREFIX) + cast(_target.c.id, String),
            payment_status=case((_to_pay, _target.c.payment_status), else_=PaymentStatus.FREE),
            fulfillment_status=case(
                (line_sums.c.lines_to_ship > 0, _target.c.fulfillment_status),
                else_=FulfillmentStatus.NOT_REQUIRED,
            ),
        )
    )


def is_not_placed() -> ColumnElement[bool]:
    """Whether the copy was to be placed and is not."""
    placed = exists().where(placements.c.factory_id == copies.c.factory_id)
    return and_(_to_be_placed, not_(placed))


def _record_obstacles(db: Connection) -> None:
    """Say what is missing, where no check has said so already, and that it was not placed."""
    already = exists().where(
        CopyError.order_factory_id == copies.c.factory_id,
        # Where the customer was left out, so was the wallet.
        CopyError.field.in_(["payment_source", "customer"]),
    )
    why = case(
        (
            and_(copies.c.reuse_wallet, copies.c.payment_source_id.is_not(None)),
            "the payment source of the source order was never saved in the customer's wallet",
        ),
        (copies.c.reuse_wallet, "the source order has no payment source"),
        else_="a payment source is needed, and the wallet was not to be reused",
    )
    written(
        db,
        errors(
            "payment_source",
            "payment_source_missing",
            why,
            is_not_placed(),
            _lacks_payment_source,
            not_(already),
            joins=[_target_of_copy],
        ),
    )
    written(
        db,
        errors(
            "line_items",
            "nothing_to_buy",
            "the order has no line item that can be bought",
            is_not_placed(),
            line_sums.c.purchasable_lines == 0,
            joins=[_sums_of_copy],
        ),
    )
    written(
        db,
        errors(
            "status",
            "cannot_be_placed",
            literal("cannot transition from ") + _target.c.status + " to placed",
            is_not_placed(),
            joins=[_target_of_copy],
        ),
    )
