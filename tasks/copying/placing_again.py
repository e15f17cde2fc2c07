"""Another attempt to place a target order that was copied but could not be placed.

Nothing is copied. The new factory has the target order of the failed one. In the temporary tables
this order is source and target, so the checks and the placement are those of copying.
"""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Select,
    and_,
    case,
    delete,
    exists,
    false,
    func,
    insert,
    literal,
    not_,
    null,
    or_,
    select,
    true,
    update,
)

from order_factory.models.database.dialects import new_key
from order_factory.models.database.row_locks import lock_rows, skip_locked
from order_factory.models.tables import (
    CopyError,
    Customer,
    LineItem,
    Order,
    OrderFactory,
    OrderSubscription,
    PaymentSource,
    Promotion,
)
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.kept_parts import NONE
from order_factory.models.values.order_states import transition_message
from order_factory.models.values.statuses import ItemType, OrderStatus
from order_factory.models.values.stock_policies import StockPolicy
from order_factory.tasks.copying.check_orders import check_orders
from order_factory.tasks.copying.gift_cards import use_gift_cards
from order_factory.tasks.copying.placement import place_target_orders
from order_factory.tasks.copying.wallets import COPIED_COLUMNS
from order_factory.tasks.outcomes.completion import record_outcomes
from order_factory.tasks.promotions.releases import count_uses_again, select_promotions_of
from order_factory.tasks.working_set.batch import Batch
from order_factory.tasks.working_set.claims import insert_claims, is_to_place_again
from order_factory.tasks.working_set.copy_errors import insert_errors, select_any_copy
from order_factory.tasks.working_set.statements import (
    NOW,
    execute_and_count,
    insert_counted,
    table_of,
    times,
)
from order_factory.tasks.working_set.step import StepFunction, step
from order_factory.tasks.working_set.tables import (
    analyze_copies,
    claims,
    copies,
    open_temporary_tables,
)
from order_factory.tasks.working_set.wallet_entries import join_wallet_entry

_factory, _target, _payment = table_of(OrderFactory), table_of(Order), table_of(PaymentSource)
_promotion, _line = table_of(Promotion), table_of(LineItem)
# The order is copied already: its lines, prices and discounts stay as they are.
_FIXED_VALUES = {
    "skip_errors": false(),
    "ignore_invalid_coupon": false(),
    "cancel_source_order": false(),
    "apply_promotions": false(),
    "refresh_prices": false(),
    "repeat_skus": literal(NONE),
    "valid": true(),
    "failed": false(),
    "awaits": false(),
    "aborted": false(),
}
# The subscription may have another payment source by now.
subscription = table_of(OrderSubscription)
_pays_now = func.coalesce(subscription.c.template_order_id, subscription.c.source_order_id)
IS_TO_BE_PLACED = and_(copies.c.valid, copies.c.place_target_order, not_(copies.c.failed))
_to_pay_with = and_(copies.c.valid, copies.c.wallet_payment_source_id.is_not(None))
_lost_its_source = and_(copies.c.reuse_wallet, copies.c.wallet_payment_source_id.is_(None))


_IS_INVALID = not_(copies.c.valid)


def claim_orders_to_place(db: Connection, batch_id: int, limit: int) -> int:
    """Claim the pending factories of a batch that have a target order. Returns their number."""
    open_temporary_tables(db)
    to_place = select(_factory.c.id).where(_factory.c.batch_id == batch_id, is_to_place_again)
    locked = skip_locked(db, to_place.order_by(_factory.c.id).limit(limit), _factory)
    return execute_and_count(db, insert_claims(locked))


def select_placed_again() -> Select[tuple[int]]:
    """Select the orders of the claimed factories."""
    is_claimed = _factory.c.id.in_(select(claims.c.factory_id))
    return select(_factory.c.target_order_id).where(is_claimed)


def load_orders_to_place(db: Connection, first: int, last: int) -> None:
    """Fill the empty temporary tables for the claimed factories from id `first` to `last`."""
    db.execute(_insert_copies(first, last))
    analyze_copies(db)


def _insert_copies(first: int, last: int) -> Insert:
    source, customer = _target.alias("source"), table_of(Customer)
    paid_with = _payment.alias("paid_with")
    key = new_key(_payment, rank=claims.c.rank)
    joined = (
        claims.join(_factory, _factory.c.id == claims.c.factory_id)
        .join(_target, _target.c.id == _factory.c.target_order_id)
        .outerjoin(subscription, subscription.c.id == _factory.c.order_subscription_id)
        .join(source, source.c.id == func.coalesce(_pays_now, _factory.c.source_order_id))
        .outerjoin(customer, customer.c.id == _target.c.customer_id)
        .outerjoin(paid_with, paid_with.c.id == source.c.payment_source_id)
    )
    rows, wallet = join_wallet_entry(joined, paid_with, _target.c.customer_id)
    pays = and_(_factory.c.reuse_wallet, wallet.is_not(None))
    values: dict[str, ColumnElement[Any]] = {
        column.key: (_factory if column.key in _factory.c else _target).c[column.key]
        for column in copies.c
        if column.key in _factory.c or column.key in _target.c
    }
    # The lines are final, so all of their pieces are needed.
    partial = _factory.c.stock == StockPolicy.PARTIAL
    values |= _FIXED_VALUES | {
        "stock": case((partial, StockPolicy.TAKE.value), else_=_factory.c.stock),
        "factory_id": _factory.c.id,
        "mode": _target.c.mode,
        "source_order_id": _target.c.id,
        "target_order_id": _target.c.id,
        "customer_status": customer.c.status,
        "payment_source_id": source.c.payment_source_id,
        "wallet_payment_source_id": wallet,
        "payment_source_key": func.coalesce(_target.c.payment_source_id, key),
        "target_billing_address_id": _target.c.billing_address_id,
        "target_shipping_address_id": _target.c.shipping_address_id,
        "target_payment_source_id": func.coalesce(_target.c.payment_source_id, case((pays, key))),
    }
    claimed_rows = select(*values.values()).select_from(rows)
    claimed_rows = claimed_rows.where(claims.c.factory_id.between(first, last))
    return insert(copies).from_select(list(values), claimed_rows)


def keep_target_orders(db: Connection, condition: ColumnElement[bool] = _IS_INVALID) -> None:
    """Mark factories as failed if their orders must not be placed. The orders do not change."""
    reason = transition_message(_target.c.status, OrderStatus.PLACED)
    joins = [(_target, _target.c.id == copies.c.target_order_id)]
    if execute_and_count(
        db, insert_errors(ErrorCode.CANNOT_BE_PLACED, reason, condition, joins=joins)
    ):
        values = {"valid": true(), "failed": true(), "place_target_order": false()}
        db.execute(update(copies).where(condition).values(values))


@step(name="check orders again", field="source_order", errors=None)
def check_orders_again(db: Connection, batch: Batch) -> int:
    """Record all that is wrong with the orders now. Returns the number of errors."""
    error_count = check_orders.fn(db, batch)
    keep_target_orders(db)
    execute_and_count(db, repeat_stock_errors())
    return error_count


def repeat_stock_errors() -> Insert:
    """Copy the stock errors of the failed attempt to the factory that places the order again.

    Only orders with `stock = partial` have such errors.
    """
    before = table_of(CopyError).alias("before")
    its_line = or_(
        _line.c.copied_from_id == before.c.line_item_id,
        and_(_line.c.item_type == ItemType.SKUS, _line.c.sku_code == before.c.sku_code),
    )
    is_there = exists().where(_line.c.order_id == copies.c.target_order_id, its_line)
    left_out = and_(before.c.code == ErrorCode.NOT_ENOUGH_STOCK, not_(is_there))
    values: dict[str, ColumnElement[Any]] = {
        "order_factory_id": copies.c.factory_id,
        **{
            name: before.c[name]
            for name in ("field", "code", "message", "line_item_id", "sku_code")
        },
    }
    rows = copies.join(_factory, _factory.c.id == copies.c.factory_id).join(
        before, before.c.order_factory_id == _factory.c.retry_of_id
    )
    repeated = (
        select(*values.values())
        .select_from(rows)
        .where(
            _factory.c.stock == StockPolicy.PARTIAL,
            or_(before.c.code == ErrorCode.QUANTITY_REDUCED, left_out),
        )
        .order_by(copies.c.factory_id, before.c.id)
    )
    return insert_counted(table_of(CopyError), list(values), repeated)


@step(
    name="use coupons again",
    field="coupon_code",
    needed=select_any_copy(IS_TO_BE_PLACED),
    idle="No order can be placed.",
)
def use_coupons_again(db: Connection, batch: Batch) -> int:
    """Use the coupons and promotions again that the failed payment released.

    The check has found the coupons valid. If a promotion is limited, the earlier factories get the
    remaining uses and the others fail. An order that is not placed releases its uses again. Returns
    the number of errors.
    """
    return use_coupons_of(db, batch, IS_TO_BE_PLACED)


def use_coupons_of(db: Connection, batch: Batch, which: ColumnElement[bool]) -> int:
    """Use coupons and promotions again for the copies that meet the condition `which`."""
    orders = select(copies.c.target_order_id).where(which)
    uses = select_promotions_of(db, orders).subquery("uses")
    limited = select(_promotion.c.id).where(
        _promotion.c.id.in_(select(uses.c.id)), _promotion.c.total_usage_limit.is_not(None)
    )
    lock_rows(db, _promotion, limited)
    nth = func.row_number().over(partition_by=uses.c.id, order_by=copies.c.factory_id)
    numbered_uses = (
        select(copies.c.factory_id, uses.c.id, nth.label("nth"))
        .join(uses, uses.c.order_id == copies.c.target_order_id)
        .subquery("wants")
    )
    uses_left = _promotion.c.total_usage_limit - _promotion.c.total_usage_count
    error_count = execute_and_count(
        db,
        insert_errors(
            ErrorCode.PROMOTION_USED_UP,
            literal("promotion ") + _promotion.c.name + " is used up",
            which,
            joins=[
                (numbered_uses, numbered_uses.c.factory_id == copies.c.factory_id),
                (
                    _promotion,
                    and_(_promotion.c.id == numbered_uses.c.id, numbered_uses.c.nth > uses_left),
                ),
            ],
        ),
    )
    if error_count:
        is_used_up = exists().where(
            CopyError.order_factory_id == copies.c.factory_id,
            CopyError.code == ErrorCode.PROMOTION_USED_UP,
        )
        keep_target_orders(db, and_(which, is_used_up))
    count_uses_again(db, orders, batch.started_at)
    return error_count


@step(name="renew payment sources", field="payment_source")
def renew_payment_sources(db: Connection, batch: Batch) -> int:
    """Update the orders' payment sources from the wallet: another card, a renewed one, or none."""
    now = batch.started_at
    wallet = _payment.alias("wallet")
    is_own = and_(_to_pay_with, wallet.c.id == copies.c.wallet_payment_source_id)
    wallet_columns = {column.key: wallet.c[column.key] for column in COPIED_COLUMNS}
    renewal = (
        update(_payment)
        .where(_payment.c.id == copies.c.target_payment_source_id, is_own)
        .values(**wallet_columns, copied_from_id=wallet.c.id, updated_at=NOW)
    )
    rows = execute_and_count(db, renewal, now=now)
    values = {
        "id": copies.c.target_payment_source_id,
        "copied_from_id": wallet.c.id,
        **wallet_columns,
        **times(NOW),
    }
    existing = select(_payment.c.id).where(_payment.c.id == copies.c.target_payment_source_id)
    missing = select(*values.values()).where(is_own, not_(existing.correlate(copies).exists()))
    rows += execute_and_count(
        db, insert(_payment).from_select(list(values), missing, include_defaults=False), now=now
    )
    _point_orders(db, now)
    return rows


def _point_orders(db: Connection, now: Any) -> None:
    """Set the orders' payment sources, and delete those that are no longer in the wallet."""
    lost_sources = select(copies.c.target_payment_source_id).where(_lost_its_source)
    lost_ids = [key for key in db.scalars(lost_sources) if key is not None]
    pays = case((_lost_its_source, null()), else_=copies.c.target_payment_source_id)
    is_own = update(_target).where(_target.c.id == copies.c.target_order_id)
    db.execute(
        is_own.values(payment_source_id=pays, updated_at=literal(now, _target.c.updated_at.type))
    )
    if lost_ids:
        db.execute(delete(_payment).where(_payment.c.id.in_(lost_ids)))


STEPS: list[StepFunction] = [
    check_orders_again,  # checks the customer, the stock and the coupon as they are now
    use_coupons_again,  # uses the coupons that the failed payment released
    renew_payment_sources,  # uses the wallet's current payment sources
    use_gift_cards,  # updates the amount that the gift card pays
    place_target_orders,  # reserves stock, takes gift cards, prepares the payment
    record_outcomes,  # records completed or failed, with the errors log and the events
]
