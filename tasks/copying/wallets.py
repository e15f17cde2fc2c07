"""The wallet: only a payment source that the customer saved is copied."""

from datetime import datetime

from sqlalchemy import (
    Connection,
    Insert,
    and_,
    case,
    exists,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    update,
)

from order_factory.gateways.registry import DEFAULT
from order_factory.models.database.dialects import day
from order_factory.models.database.foreign_keys import skipping_key_checks
from order_factory.models.errors import TryAgain
from order_factory.models.tables import (
    CustomerPaymentSource,
    Order,
    PaymentMethod,
    PaymentSource,
)
from order_factory.models.values.error_codes import ErrorCode
from order_factory.tasks.copying.changed_orders import NAMES_CUSTOMER
from order_factory.tasks.copying.payment_source_fallback import (
    describe_fallback,
    replace_lost_payment_sources,
)
from order_factory.tasks.working_set.batch import Batch
from order_factory.tasks.working_set.copy_errors import insert_errors
from order_factory.tasks.working_set.statements import (
    NOW,
    columns_by_name,
    copied_columns,
    execute_and_count,
    insert_select,
    table_of,
    times,
)
from order_factory.tasks.working_set.step import step
from order_factory.tasks.working_set.tables import copies, line_sums, redemptions

COPIED_COLUMNS = copied_columns(PaymentSource, "refused_at")

_source = table_of(PaymentSource)
_in_wallet = _source.c.id == copies.c.wallet_payment_source_id
_expired = and_(copies.c.reuse_wallet, _source.c.expires_at <= NOW)
_method, _order = table_of(PaymentMethod), table_of(Order)
# A free order, and one with the manual gateway, needs no payment source. If its payment source
# cannot be used, it is left out without an error.
_is_by_hand = exists().where(
    _order.c.id == copies.c.source_order_id,
    _method.c.id == _order.c.payment_method_id,
    _method.c.gateway == DEFAULT,
)
# The copy has to be paid in full, less what the source's gift card pays again.
_paid_by_gift_card = func.coalesce(
    select(redemptions.c.paid_cents)
    .where(redemptions.c.factory_id == copies.c.factory_id)
    .correlate(copies)
    .scalar_subquery(),
    0,
)
_is_free = exists().where(
    line_sums.c.factory_id == copies.c.factory_id,
    _order.c.id == copies.c.source_order_id,
    line_sums.c.total_amount_cents
    + line_sums.c.gift_card_amount_cents
    + case((_order.c.tax_included, 0), else_=line_sums.c.total_tax_amount_cents)
    - _paid_by_gift_card
    <= 0,
    not_(or_(copies.c.refresh_prices, line_sums.c.recomputed_lines > 0)),
)
_is_needed = not_(or_(_is_by_hand, _is_free))
_saved_by_anyone = exists().where(
    CustomerPaymentSource.payment_source_id.in_([_source.c.id, _source.c.copied_from_id])
)

_SOME_EXPIRED = select(exists().select_from(copies.join(_source, _in_wallet)).where(_expired))
_LEAVE_EXPIRED_OUT = (
    update(copies)
    .where(or_(copies.c.skip_errors, not_(_is_needed)), _in_wallet, _expired)
    .values(target_payment_source_id=null())
)
IS_NOT_IN_WALLET = and_(
    copies.c.reuse_wallet,
    copies.c.wallet_payment_source_id.is_(None),
    copies.c.payment_source_id.is_not(None),
)
_FOREIGN = insert_errors(
    ErrorCode.PAYMENT_SOURCE_FOREIGN,
    "the payment source is in another customer's wallet",
    IS_NOT_IN_WALLET,
    _saved_by_anyone,
    _is_needed,
    not_(NAMES_CUSTOMER),
    joins=[(_source, _source.c.id == copies.c.payment_source_id)],
)


def _insert_expired() -> Insert:
    message = literal("the saved payment source expired on ") + day(_source.c.expires_at)
    return insert_errors(
        ErrorCode.PAYMENT_SOURCE_EXPIRED,
        message + describe_fallback(),
        _expired,
        _is_needed,
        joins=[(_source, _in_wallet)],
    )


def check_wallets(db: Connection, now: datetime, *, foreign: bool) -> int:
    """Choose other payment sources where allowed, and record those that cannot be used.

    Errors are expired payment sources, and `foreign` ones, which are in another customer's wallet.
    A payment source in no wallet, or one that the order does not need, is no error; it is not
    copied. With `skip_errors`, a wrong payment source is left out of the target order. Returns the
    number of errors.
    """
    error_count = 0
    replace_lost_payment_sources(db, now)
    if db.scalar(_SOME_EXPIRED, {"now": now}):
        error_count += execute_and_count(db, _insert_expired(), now=now)
        db.execute(_LEAVE_EXPIRED_OUT, {"now": now})
    if foreign:
        error_count += execute_and_count(db, _FOREIGN)
    return error_count


def insert_payment_sources(*, lock: bool) -> Insert:
    """Insert a new payment source for each valid copy that reuses its customer's wallet.

    Set `lock` if the foreign key of a copy does not lock the row that it refers to.
    """
    values = {
        "id": copies.c.target_payment_source_id,
        "copied_from_id": _source.c.id,
        **columns_by_name(COPIED_COLUMNS),
        **times(NOW),
    }
    rows = copies.join(_source, _in_wallet)
    return insert_select(PaymentSource, values, rows, *_IS_WANTED, locked=_source if lock else None)


_IS_WANTED = copies.c.valid, copies.c.target_payment_source_id.is_not(None)
_COPY = {lock: insert_payment_sources(lock=lock) for lock in (True, False)}
_WANTED = select(func.count()).select_from(copies).where(*_IS_WANTED)


@step(
    name="copy wallets",
    field="payment_source",
    errors=("payment_source",),
    idle="No saved payment source is to be copied.",
)
def copy_wallets(db: Connection, batch: Batch) -> int:
    """Copy the payment sources of the customers' wallets. Returns the number of rows.

    Raises `TryAgain` if one was deleted after the check.
    """
    with skipping_key_checks(db, _source, few=batch.single) as locks_rows:
        rows = execute_and_count(db, _COPY[locks_rows], now=batch.started_at)
    if locks_rows and rows != db.scalar(_WANTED):
        raise TryAgain("a payment source was deleted during the copy")
    return rows
