"""Payment sources: a target order has a copy of a payment source that its customer saved."""

from typing import Any

from sqlalchemy import Select, and_, exists, false, func, not_, or_, select

from order_factory.models.tables import CustomerPaymentSource, Order, PaymentSource
from order_factory.models.values.payment_source_fallbacks import PaymentSourceFallback
from order_factory.models.values.public_ids import Resource
from order_factory.tasks.verify.changed_orders import gets_another_customer
from order_factory.tasks.verify.invariants import Invariant
from order_factory.tasks.verify.rows import (
    copied,
    copy_error,
    differs,
    factory,
    has_error,
    is_unedited,
    source,
    target,
)
from order_factory.tasks.verify.shared_rows import find_shared_rows, find_unused_rows
from order_factory.tasks.working_set.statements import table_of

# The payment source of a target, the saved one of which it is a copy, and the source order's.
_payment = table_of(PaymentSource)
_original = _payment.alias("original")
_former = _payment.alias("former")
_saved = table_of(CustomerPaymentSource)
_REFERENCE = table_of(Order).c.payment_source_id
_payments = copied.join(_payment, _payment.c.id == target.c.payment_source_id)


def _find_missing_payment_sources() -> Select[Any]:
    saved = exists().where(
        _saved.c.customer_id == target.c.customer_id,
        or_(
            _saved.c.payment_source_id == _former.c.id,
            _saved.c.payment_source_id == _former.c.copied_from_id,
        ),
        _saved.c.created_at <= factory.c.started_at,
    )
    # An expired one is left out, with an error if the order needs it.
    left_out = or_(
        and_(factory.c.skip_errors, has_error(copy_error.c.field == "payment_source")),
        func.coalesce(_former.c.expires_at <= factory.c.started_at, false()),
    )
    return (
        select(target.c.id)
        .select_from(copied.join(_former, _former.c.id == source.c.payment_source_id))
        .where(is_unedited(source, target), factory.c.reuse_wallet)
        .where(target.c.payment_source_id.is_(None), saved, not_(left_out))
        .where(not_(gets_another_customer))
    )


def _find_unwanted_payment_sources() -> Select[Any]:
    rows = select(target.c.id).select_from(copied)
    return rows.where(
        is_unedited(target), not_(factory.c.reuse_wallet), target.c.payment_source_id.is_not(None)
    )


def _find_foreign_payment_sources() -> Select[Any]:
    rows = _payments.outerjoin(_former, _former.c.id == source.c.payment_source_id)
    same = or_(
        _payment.c.copied_from_id == _former.c.id,
        _payment.c.copied_from_id == func.coalesce(_former.c.copied_from_id, _former.c.id),
    )
    # Another one of the wallet may pay if the saved one was removed, expired or refused.
    lost = _payment.alias("lost")
    saved = exists().where(
        _saved.c.customer_id == target.c.customer_id,
        _saved.c.payment_source_id.in_([_former.c.id, _former.c.copied_from_id]),
    )
    cannot_pay = exists().where(
        lost.c.id == func.coalesce(_former.c.copied_from_id, _former.c.id),
        or_(lost.c.expires_at <= factory.c.started_at, lost.c.refused_at.is_not(None)),
    )
    replaced = and_(
        factory.c.payment_source_fallback != PaymentSourceFallback.OFF,
        _former.c.id.is_not(None),
        _payment.c.gateway.is_not_distinct_from(_former.c.gateway),
        or_(not_(saved), cannot_pay),
    )
    return (
        select(target.c.id)
        .select_from(rows)
        # A retry of the placement pays with the source that is in the wallet at that time.
        .where(factory.c.retry_of_id.is_(None), not_(replaced))
        .where(is_unedited(source, target), _payment.c.copied_from_id.is_not(None))
        .where(or_(_former.c.id.is_(None), not_(same)))
    )


def _find_payment_sources_of_others() -> Select[Any]:
    saved = exists().where(
        _saved.c.payment_source_id == _payment.c.copied_from_id,
        _saved.c.customer_id == target.c.customer_id,
    )
    rows = select(target.c.id).select_from(_payments)
    return rows.where(is_unedited(target), _payment.c.copied_from_id.is_not(None), not_(saved))


def _find_expired_payment_sources() -> Select[Any]:
    expired = _payment.c.expires_at <= factory.c.started_at
    rows = select(_payment.c.id).select_from(_payments)
    return rows.where(is_unedited(target, _payment), expired)


def _find_payment_sources_without_origin() -> Select[Any]:
    rows = select(_payment.c.id).select_from(_payments)
    return rows.where(is_unedited(target), _payment.c.copied_from_id.is_(None))


def _find_changed_payment_sources() -> Select[Any]:
    rows = _payments.join(_original, _original.c.id == _payment.c.copied_from_id)
    different = differs(_payment, _original, "refused_at")
    return (
        select(_payment.c.id).select_from(rows).where(is_unedited(_payment, _original), different)
    )


INVARIANTS = (
    Invariant(
        "payment-source-complete",
        "With reuse_wallet, a target order has a payment source if its source's is in the "
        "customer's wallet, unless skip_errors left it out or the copy is another customer's.",
        Resource.orders,
        _find_missing_payment_sources(),
    ),
    Invariant(
        "payment-source-on-request",
        "A target order has a payment source only with reuse_wallet.",
        Resource.orders,
        _find_unwanted_payment_sources(),
    ),
    Invariant(
        "payment-source-from-own-source",
        "A target order's payment source is a copy of its source order's, of the same original, or "
        "of the fallback that payment_source_fallback chose.",
        Resource.orders,
        _find_foreign_payment_sources(),
    ),
    Invariant(
        "payment-source-in-wallet",
        "The original of a target order's payment source is in its customer's wallet. A payment "
        "source that the customer removed later is reported too.",
        Resource.orders,
        _find_payment_sources_of_others(),
    ),
    Invariant(
        "payment-source-not-expired",
        "No target order has a payment source that had expired when it was copied.",
        Resource.payment_sources,
        _find_expired_payment_sources(),
    ),
    Invariant(
        "payment-source-has-an-origin",
        "Every payment source of a target order refers to the one from which it was copied.",
        Resource.payment_sources,
        _find_payment_sources_without_origin(),
    ),
    Invariant(
        "payment-source-columns",
        "A copied payment source equals the one that it was copied from.",
        Resource.payment_sources,
        _find_changed_payment_sources(),
    ),
    Invariant(
        "payment-source-of-one-order",
        "No target order shares a payment source with another order.",
        Resource.payment_sources,
        find_shared_rows(_REFERENCE),
    ),
    Invariant(
        "no-leftover-payment-source",
        "Every copied payment source is in use.",
        Resource.payment_sources,
        find_unused_rows(_payment, _REFERENCE),
    ),
)
