"""Another payment source of the wallet, if the saved one is missing, expired or refused.

A payment source is refused after a gateway declined it for a permanent reason. It is valid again
after it was changed.
"""

from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    ScalarSelect,
    Update,
    and_,
    case,
    exists,
    false,
    or_,
    select,
    true,
    update,
)

from order_factory.models.settings import Settings
from order_factory.models.tables import CustomerPaymentSource, PaymentSource
from order_factory.models.values.payment_source_fallbacks import PaymentSourceFallback
from order_factory.tasks.working_set.copy_errors import select_any_copy
from order_factory.tasks.working_set.statements import NOW, execute_and_count, table_of
from order_factory.tasks.working_set.tables import copies

_saved, _payment = table_of(CustomerPaymentSource), table_of(PaymentSource)
_former = _payment.alias("former")
_cannot_pay = exists().where(
    _payment.c.id == copies.c.wallet_payment_source_id,
    or_(
        _payment.c.expires_at <= NOW,
        and_(_payment.c.refused_at.is_not(None), _payment.c.updated_at <= _payment.c.refused_at),
    ),
)
_is_lost = and_(
    copies.c.reuse_wallet,
    copies.c.payment_source_id.is_not(None),
    copies.c.payment_source_fallback != PaymentSourceFallback.OFF,
    or_(copies.c.wallet_payment_source_id.is_(None), _cannot_pay),
)
_SOME_LOST = select_any_copy(_is_lost)


def replace_lost_payment_sources(db: Connection, now: datetime) -> int:
    """Choose another payment source of the wallet where needed. Returns the number of copies."""
    if not db.scalar(_SOME_LOST, {"now": now}):
        return 0
    return execute_and_count(db, _update_copies(), now=now)


def allows_fallback(choice: ColumnElement[str]) -> ColumnElement[bool]:
    """Return whether this value of the option allows another payment source."""
    of_shop = Settings().payment_source_fallback == PaymentSourceFallback.NEWEST_VALID.value
    return or_(
        choice == PaymentSourceFallback.NEWEST_VALID,
        and_(choice == PaymentSourceFallback.DEFAULT, true() if of_shop else false()),
    )


def select_newest_valid(
    customer_id: ColumnElement[int],
    former: FromClause,
    now: ColumnElement[datetime],
    *correlated: FromClause,
) -> ScalarSelect[int]:
    """Select the payment source of the customer's wallet that replaces `former`; null for none.

    The customer's default is preferred, then the one that was saved last.
    """
    saved, other = _saved.alias("saved_other"), _payment.alias("other")
    rows = select(saved.c.payment_source_id).join(other, other.c.id == saved.c.payment_source_id)
    valid = rows.where(
        saved.c.customer_id == customer_id,
        other.c.gateway.is_not_distinct_from(former.c.gateway),
        or_(other.c.expires_at.is_(None), other.c.expires_at > now),
        or_(other.c.refused_at.is_(None), other.c.updated_at > other.c.refused_at),
    )
    newest = (saved.c.is_default.desc(), saved.c.created_at.desc(), saved.c.id.desc())
    first = valid.order_by(*newest).limit(1)
    return first.correlate(former, *correlated).scalar_subquery()


def _update_copies() -> Update:
    replacements = (
        select(
            copies.c.factory_id,
            select_newest_valid(copies.c.customer_id, _former, NOW, copies).label(
                "payment_source_id"
            ),
        )
        .join(_former, _former.c.id == copies.c.payment_source_id)
        .where(_is_lost, allows_fallback(copies.c.payment_source_fallback))
        .subquery("found")
    )
    statement = update(copies).where(
        copies.c.factory_id == replacements.c.factory_id,
        replacements.c.payment_source_id.is_not(None),
    )
    return statement.values(
        wallet_payment_source_id=replacements.c.payment_source_id,
        target_payment_source_id=copies.c.payment_source_key,
    ).execution_options(preserve_rowcount=True)


def describe_fallback() -> ColumnElement[str]:
    """Return the end of a message: what to do about a payment source that cannot be used."""
    return case(
        (
            allows_fallback(copies.c.payment_source_fallback),
            "; the wallet has no other valid one of the same gateway: ask the customer for one",
        ),
        else_="; ask the customer for another, or set payment_source_fallback",
    )
