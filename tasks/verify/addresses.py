"""Addresses: a target order has its own copies of its source's addresses."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, FromClause, Select, and_, or_, select, union

from order_factory.models.tables import Address, Order
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.public_ids import Resource
from order_factory.tasks.verify.changed_orders import expected_address_id
from order_factory.tasks.verify.invariants import Invariant
from order_factory.tasks.verify.rows import (
    KEPT_PARTS,
    copied,
    copy_error,
    differs,
    factory,
    has_error,
    is_unedited,
    parts_differ,
    source,
    target,
)
from order_factory.tasks.verify.shared_rows import find_shared_rows, find_unused_rows
from order_factory.tasks.working_set.statements import table_of

_address = table_of(Address)
_original = _address.alias("original")
_REFERENCES = (table_of(Order).c.billing_address_id, table_of(Order).c.shipping_address_id)
_KINDS = tuple(column.key for column in _REFERENCES)


def _find_missing_addresses() -> Select[Any]:
    """Select targets with the wrong number of addresses, too few or too many."""
    billing, shipping = (
        expected_address_id(kind) for kind in ("billing_address", "shipping_address")
    )
    outside_lock = has_error(copy_error.c.code == ErrorCode.SHIPPING_ADDRESS_OUTSIDE_LOCK)
    left_out = and_(factory.c.skip_errors, outside_lock)
    is_wrong = or_(
        target.c.billing_address_id.is_(None) != billing.is_(None),
        target.c.shipping_address_id.is_(None) != or_(shipping.is_(None), left_out),
    )
    return select(target.c.id).select_from(copied).where(is_unedited(source, target), is_wrong)


def _find_foreign_addresses() -> Select[Any]:
    def foreign(kind: str) -> Select[Any]:
        other = _address.c.copied_from_id != expected_address_id(kind.removesuffix("_id"))
        return (
            select(target.c.id)
            .select_from(_join_used_addresses(kind))
            .where(is_unedited(source, target), other)
        )

    return _match_either(foreign)


def _find_addresses_without_origin() -> Select[Any]:
    def without_origin(kind: str) -> Select[Any]:
        has_no_origin = _address.c.copied_from_id.is_(None)
        return (
            select(_address.c.id)
            .select_from(_join_used_addresses(kind))
            .where(is_unedited(target), has_no_origin)
        )

    return _match_either(without_origin)


def _find_changed_addresses(db: Connection) -> Select[Any]:
    def changed(kind: str) -> Select[Any]:
        rows = _join_used_addresses(kind).join(
            _original, _original.c.id == _address.c.copied_from_id
        )
        different = or_(
            differs(_address, _original, *KEPT_PARTS), parts_differ(db, _address, _original)
        )
        return (
            select(_address.c.id)
            .select_from(rows)
            .where(is_unedited(_address, _original), different)
        )

    return _match_either(changed)


def _find_changed_sharing() -> Select[Any]:
    was_shared = expected_address_id("billing_address") == expected_address_id("shipping_address")
    is_shared = target.c.billing_address_id == target.c.shipping_address_id
    rows = select(target.c.id).select_from(copied)
    return rows.where(is_unedited(source, target), was_shared != is_shared)


def _join_used_addresses(kind: str) -> FromClause:
    """Join every target order that has such an address with its source and the address."""
    return copied.join(_address, _address.c.id == target.c[kind])


def _match_either(query: Callable[[str], Select[Any]]) -> Select[Any]:
    return select(union(*(query(kind) for kind in _KINDS)).subquery().c.id)


INVARIANTS = (
    Invariant(
        "addresses-complete",
        "A target order has a billing and a shipping address if its source has one or its copy "
        "names one, unless skip_errors left out an address outside the shipping lock.",
        Resource.orders,
        _find_missing_addresses(),
    ),
    Invariant(
        "addresses-from-own-source",
        "A target order's billing and shipping addresses are copies of its source's, or of those "
        "that its copy names.",
        Resource.orders,
        _find_foreign_addresses(),
    ),
    Invariant(
        "addresses-have-an-origin",
        "Every address of a target order refers to the address from which it was copied.",
        Resource.addresses,
        _find_addresses_without_origin(),
    ),
    Invariant(
        "shared-address-stays-shared",
        "A target order uses one address for billing and shipping exactly if its source does, or "
        "its copy names one for both.",
        Resource.orders,
        _find_changed_sharing(),
    ),
    Invariant(
        "address-columns",
        "A copied address equals the address that it was copied from, except for what the copy's "
        "options leave out.",
        Resource.addresses,
        _find_changed_addresses,
    ),
    Invariant(
        "addresses-of-one-order",
        "No target order shares an address with another order.",
        Resource.addresses,
        find_shared_rows(*_REFERENCES),
    ),
    Invariant(
        "no-leftover-address",
        "Every copied address is in use.",
        Resource.addresses,
        find_unused_rows(_address, *_REFERENCES),
    ),
)
