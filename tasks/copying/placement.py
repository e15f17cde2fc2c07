"""Placing target orders: their stock is reserved and their payment prepared.

If a remote gateway has to authorize the payment, the order becomes `placing`, and its stock and
its transaction are recorded. The gateway is called after the commit.
"""

import string
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Update,
    and_,
    case,
    exists,
    false,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    update,
)

from order_factory.gateways.registry import DEFAULT, known_gateways, setup_hint
from order_factory.models.database.foreign_keys import skipping_key_checks
from order_factory.models.tables import (
    CopyError,
    CustomerPaymentSource,
    Order,
    OrderFactory,
    PaymentMethod,
    PaymentSource,
)
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.order_states import may_become, new_status, transition_message
from order_factory.models.values.statuses import FulfillmentStatus, OrderStatus, PaymentStatus
from order_factory.tasks.copying.payment_source_fallback import describe_fallback
from order_factory.tasks.gift_cards.uses import take_gift_cards
from order_factory.tasks.payments.intents import insert_authorizations
from order_factory.tasks.promotions.releases import release_uses
from order_factory.tasks.stock.reservations import take_stock
from order_factory.tasks.working_set.amount_texts import describe_amount
from order_factory.tasks.working_set.batch import Batch
from order_factory.tasks.working_set.copy_errors import insert_errors, select_any_copy
from order_factory.tasks.working_set.placements import IS_TO_BE_PLACED, is_not_placed
from order_factory.tasks.working_set.statements import (
    NOW,
    execute_and_count,
    insert_counted,
    table_of,
)
from order_factory.tasks.working_set.step import step
from order_factory.tasks.working_set.tables import copies, line_sums, placements

# A name with as many digits as a card number, or with mask characters and the last digits only.
_SHORTEST_CARD_NUMBER, _SHOWN_DIGITS, _MASK = 12, 4, "Xx*•.- "
_target, _factory = table_of(Order), table_of(OrderFactory)
_method, _source = table_of(PaymentMethod), table_of(PaymentSource)
_sums_of_copy = (line_sums, line_sums.c.factory_id == copies.c.factory_id)
_target_of_copy = (_target, _target.c.id == copies.c.target_order_id)
_to_pay = _target.c.total_amount_with_taxes_cents > 0
# If lines were left out, the copied discounts can exceed the rest of the order.
_owes_money = _target.c.total_amount_with_taxes_cents < 0
_of_source = select(_source.c.gateway).where(_source.c.id == _target.c.payment_source_id)
_of_method = select(_method.c.gateway).where(_method.c.id == _target.c.payment_method_id)
# A manual payment method needs no saved payment source.
_is_manual = func.coalesce(_of_method.scalar_subquery(), "") == DEFAULT
_lacks_payment_source = and_(_to_pay, _target.c.payment_source_id.is_(None), not_(_is_manual))
_method_is_disabled = and_(
    _to_pay,
    exists()
    .where(_method.c.id == _target.c.payment_method_id, _method.c.disabled_at <= NOW)
    .correlate(_target),
)
_gateway = case(
    (
        _to_pay,
        func.coalesce(_of_source.scalar_subquery(), _of_method.scalar_subquery(), DEFAULT),
    ),
    else_=null(),
)


@step(
    name="place target orders",
    field="status",
    needed=select(exists().where(IS_TO_BE_PLACED)),
    errors=(
        "status",
        ErrorCode.PAYMENT_SOURCE_MISSING,
        ErrorCode.GATEWAY_NOT_SET_UP,
        ErrorCode.NOTHING_TO_BUY,
        ErrorCode.TOTAL_BELOW_ZERO,
        ErrorCode.PAYMENT_METHOD_DISABLED,
    ),
    idle="No target order is to be placed.",
)
def place_target_orders(db: Connection, batch: Batch) -> int:
    """Place the valid orders, and record why the others cannot be placed.

    Returns the number placed.
    Placing reserves stock and takes the amounts of gift cards. An order that cannot be placed stays
    pending, and uses no coupon and no promotion. An order that needs a remote gateway is `placing`
    until the gateway has answered.
    """
    return place_loaded(db, batch, insert_authorizations)


def place_loaded(db: Connection, batch: Batch, authorize: Callable[[], Insert]) -> int:
    """Place the loaded orders; `authorize` makes the statement that inserts the authorizations."""
    placed = execute_and_count(db, insert_placements(), now=batch.started_at)
    if _record_obstacles(db, batch.started_at):
        unplaced = select(copies.c.target_order_id).where(is_not_placed())
        # An order that is placed later than it was copied keeps the uses of its copy.
        release_uses(db, unplaced, batch.started_at, _factory.c.place_target_order)
    if placed:
        take_stock(db, batch.started_at, few=batch.single)
        take_gift_cards(db, batch.started_at)
        _change_orders(db, batch, authorize)
    return placed


def _change_orders(db: Connection, batch: Batch, authorize: Callable[[], Insert]) -> None:
    # The keys stay, but PostgreSQL looks up those of a row that this transaction has inserted.
    with skipping_key_checks(db, _target, few=batch.single):
        db.execute(update_orders(), {"now": batch.started_at})
    if db.scalar(select(exists().where(placements.c.remote))):
        awaited_ids = select(placements.c.factory_id).where(placements.c.remote)
        awaiting = update(copies).where(copies.c.factory_id.in_(awaited_ids))
        db.execute(awaiting.values(awaits=True))
        execute_and_count(db, authorize(), now=batch.started_at)


def insert_placements() -> Insert:
    """Insert the copies whose target order has everything that placing needs."""
    rows = (
        select(copies.c.factory_id, _gateway, _is_remote())
        .join(*_target_of_copy)
        .join(*_sums_of_copy)
        .where(
            IS_TO_BE_PLACED,
            may_become(_target.c.status, OrderStatus.PLACED),
            func.coalesce(_target.c.customer_email, "") != "",
            _target.c.billing_address_id.is_not(None),
            or_(line_sums.c.lines_to_ship == 0, _target.c.shipping_address_id.is_not(None)),
            line_sums.c.purchasable_lines > 0,
            not_(_owes_money),
            not_(_lacks_payment_source),
            or_(not_(_to_pay), _is_set_up()),
            not_(_method_is_disabled),
        )
    )
    return insert_counted(placements, ["factory_id", "gateway", "remote"], rows)


def update_orders() -> Update:
    """Change the status of the target orders to `placed`, with a time, or to `placing`."""
    remote = placements.c.remote
    ships_nothing = line_sums.c.lines_to_ship == 0
    return (
        update(_target)
        .where(_target.c.id == copies.c.target_order_id)
        .where(copies.c.factory_id == placements.c.factory_id)
        .where(line_sums.c.factory_id == copies.c.factory_id)
        .values(
            status=case(
                (remote, new_status(_target.c.status, OrderStatus.PLACING)),
                else_=new_status(_target.c.status, OrderStatus.PLACED),
            ),
            placed_at=case((remote, null()), else_=func.coalesce(_target.c.placed_at, NOW)),
            payment_status=new_status(_target.c.payment_status, PaymentStatus.FREE, not_(_to_pay)),
            fulfillment_status=new_status(
                _target.c.fulfillment_status, FulfillmentStatus.NOT_REQUIRED, ships_nothing
            ),
        )
    )


def _is_set_up() -> ColumnElement[bool]:
    """Return whether the gateway of the order is set up for the order's mode."""
    return or_(
        *(
            and_(_gateway == name, copies.c.mode.in_(sorted(known.terms.modes)))
            for name, known in known_gateways().items()
        )
    )


def _is_remote() -> ColumnElement[bool]:
    remote = [name for name, known in known_gateways().items() if known.terms.remote]
    return func.coalesce(_gateway.in_(remote), false())


def _record_obstacles(db: Connection, now: datetime) -> bool:
    """Record why orders were not placed, unless a check has already recorded it.

    Returns whether some order was not placed.
    """
    if not db.scalar(select_any_copy(is_not_placed())):
        return False
    is_recorded = exists().where(
        CopyError.order_factory_id == copies.c.factory_id,
        # If the customer was left out, the wallet was, too.
        CopyError.field.in_(["payment_source", "customer"]),
    )
    reason = case(
        (
            and_(copies.c.reuse_wallet, copies.c.payment_source_id.is_not(None)),
            literal("the payment source of the source order is not in the customer's wallet")
            + func.coalesce(
                "; payment sources in the wallet: " + _names_in_wallet(), "; the wallet is empty"
            )
            + describe_fallback(),
        ),
        (
            copies.c.source_order_id == copies.c.target_order_id,
            "the order has no payment source",
        ),
        (copies.c.reuse_wallet, "the source order has no payment source"),
        else_="a payment source is needed, and the wallet was not to be reused",
    )
    execute_and_count(
        db,
        insert_errors(
            ErrorCode.PAYMENT_SOURCE_MISSING,
            reason,
            is_not_placed(),
            _lacks_payment_source,
            not_(is_recorded),
            joins=[_target_of_copy],
        ),
    )
    _record_missing_gateways(db)
    execute_and_count(
        db,
        insert_errors(
            ErrorCode.PAYMENT_METHOD_DISABLED,
            literal("the payment method ")
            + func.coalesce(_method.c.name, _method.c.payment_source_type)
            + " is disabled",
            is_not_placed(),
            _method_is_disabled,
            joins=[_target_of_copy, (_method, _method.c.id == _target.c.payment_method_id)],
        ),
        now=now,
    )
    execute_and_count(
        db,
        insert_errors(
            ErrorCode.NOTHING_TO_BUY,
            "the order has no line item that can be bought",
            is_not_placed(),
            line_sums.c.purchasable_lines == 0,
            joins=[_sums_of_copy],
        ),
    )
    below_zero = describe_amount(_target.c.total_amount_with_taxes_cents, _target.c.currency_code)
    execute_and_count(
        db,
        insert_errors(
            ErrorCode.TOTAL_BELOW_ZERO,
            literal("the discounts are more than what is left to buy: the total is ") + below_zero,
            is_not_placed(),
            _owes_money,
            joins=[_target_of_copy],
        ),
    )
    execute_and_count(
        db,
        insert_errors(
            ErrorCode.CANNOT_BE_PLACED,
            transition_message(_target.c.status, OrderStatus.PLACED),
            is_not_placed(),
            joins=[_target_of_copy],
        ),
    )
    return True


def _names_in_wallet() -> ColumnElement[str]:
    """Select the names of the customer's saved payment sources; null if there are none.

    Of a card number, masked or not, only the last four digits are shown.
    """
    wallet, saved = table_of(CustomerPaymentSource), _source.alias("saved")
    name = func.coalesce(wallet.c.name, saved.c.name, saved.c.payment_source_type)
    without_digits = _leave_out(name, string.digits)
    count = func.length(name) - func.length(without_digits)
    is_masked = and_(count == _SHOWN_DIGITS, _leave_out(without_digits, _MASK) == "")
    last = func.substr(name, func.length(name) - _SHOWN_DIGITS + 1)
    is_number = or_(is_masked, count >= _SHORTEST_CARD_NUMBER)
    shown = case((is_number, "card ending in " + last), else_=name)
    rows = select(func.aggregate_strings(shown, ", ")).select_from(
        wallet.join(saved, saved.c.id == wallet.c.payment_source_id)
    )
    is_own = wallet.c.customer_id == copies.c.customer_id
    return rows.where(is_own).correlate(copies).scalar_subquery()


def _leave_out(text: ColumnElement[str], characters: str) -> ColumnElement[str]:
    for each in characters:
        text = func.replace(text, each, "")
    return text


def _record_missing_gateways(db: Connection) -> None:
    joins = [_target_of_copy]
    missing = and_(_to_pay, not_(_lacks_payment_source), not_(_is_set_up()))
    unknown = _gateway.not_in(known_gateways())
    names = (
        select(_gateway)
        .distinct()
        .select_from(copies)
        .join(*_target_of_copy)
        .where(is_not_placed(), missing, unknown)
    )
    for name in db.scalars(names).all():
        message = f"the payment gateway {name} is not set up: {setup_hint(name)}"
        is_unknown = and_(is_not_placed(), missing, _gateway == name)
        execute_and_count(
            db, insert_errors(ErrorCode.GATEWAY_NOT_SET_UP, message, is_unknown, joins=joins)
        )
    mode_problem = (
        literal("the payment gateway ") + _gateway + " is not set up for " + copies.c.mode
    )
    wrong_mode = and_(is_not_placed(), missing, not_(unknown))
    text = mode_problem + " orders"
    execute_and_count(
        db, insert_errors(ErrorCode.GATEWAY_NOT_SET_UP, text, wrong_mode, joins=joins)
    )
