"""The addresses: copied as new rows, so that a later edit of one order never changes another."""

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Insert,
    case,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    update,
)

from order_factory.models.database.foreign_keys import skipping_key_checks
from order_factory.models.errors import TryAgain
from order_factory.models.tables import Address
from order_factory.models.values.error_codes import ErrorCode
from order_factory.tasks.working_set.batch import Batch
from order_factory.tasks.working_set.copy_errors import insert_errors
from order_factory.tasks.working_set.kept_parts import kept_columns
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
from order_factory.tasks.working_set.tables import copies, line_sums

COPIED_COLUMNS = copied_columns(Address)

_address = table_of(Address)
_is_shipped_to = _address.c.id == copies.c.shipping_address_id
_is_outside = func.upper(_address.c.country_code) != func.upper(copies.c.shipping_country_code_lock)

_has_no_billing = copies.c.billing_address_id.is_(None)
_has_no_shipping = copies.c.shipping_address_id.is_(None)
LACKS_ADDRESS = or_(_has_no_billing, _has_no_shipping)
IS_LOCKED = copies.c.shipping_country_code_lock.is_not(None)

_MISSING = (
    insert_errors(
        ErrorCode.BILLING_ADDRESS_MISSING,
        "the order has no billing address",
        _has_no_billing,
    ),
    insert_errors(
        ErrorCode.SHIPPING_ADDRESS_MISSING,
        "the order has no shipping address",
        _has_no_shipping,
        line_sums.c.lines_to_ship > 0,
        joins=[(line_sums, line_sums.c.factory_id == copies.c.factory_id)],
    ),
)
_OUTSIDE = insert_errors(
    ErrorCode.SHIPPING_ADDRESS_OUTSIDE_LOCK,
    literal("the country ")
    + _address.c.country_code
    + " is outside the order's shipping country lock "
    + copies.c.shipping_country_code_lock,
    _is_outside,
    # What does not ship is not refused for where the customer lives.
    exists().where(line_sums.c.factory_id == copies.c.factory_id, line_sums.c.lines_to_ship > 0),
    joins=[(_address, _is_shipped_to)],
)
_LEAVE_OUTSIDE_OUT = (
    update(copies)
    .where(copies.c.skip_errors, _is_shipped_to, _is_outside)
    .values(shipping_address_id=null(), target_shipping_address_id=null())
)


def check_addresses(db: Connection, *, missing: bool, locked: bool) -> int:
    """Record `missing` addresses, and shipping addresses outside a lock if some order is `locked`.

    Returns how many errors. An order of nothing that ships needs no shipping address. With
    `skip_errors` the address is left out of the target order.
    """
    found = 0
    if missing:
        found += sum(execute_and_count(db, statement) for statement in _MISSING)
    if locked and (outside := execute_and_count(db, _OUTSIDE)):
        found += outside
        db.execute(_LEAVE_OUTSIDE_OUT)
    return found


def insert_addresses(
    source: Column[int], target: Column[int], *where: ColumnElement[bool], lock: bool
) -> Insert:
    """One new address per valid copy: the row of `source` under the key in `target`.

    `lock` where the foreign key of a copy does not lock its source.
    """
    values = {
        "id": target,
        "copied_from_id": _address.c.id,
        **columns_by_name(COPIED_COLUMNS),
        **kept_columns(_address),
        **times(NOW),
    }
    rows = copies.join(_address, _address.c.id == source)
    wanted = copies.c.valid, target.is_not(None), *where
    return insert_select(Address, values, rows, *wanted, locked=_address if lock else None)


_has_own_shipping = or_(
    copies.c.target_billing_address_id.is_(None),
    copies.c.target_shipping_address_id != copies.c.target_billing_address_id,
)
_COPY = {
    lock: (
        insert_addresses(
            copies.c.billing_address_id, copies.c.target_billing_address_id, lock=lock
        ),
        insert_addresses(
            copies.c.shipping_address_id,
            copies.c.target_shipping_address_id,
            _has_own_shipping,
            lock=lock,
        ),
    )
    for lock in (True, False)
}
_WANTED = select(
    func.count(copies.c.target_billing_address_id)
    + func.count(case((_has_own_shipping, copies.c.target_shipping_address_id)))
).where(copies.c.valid)


@step(
    name="copy addresses",
    field="addresses",
    errors=("billing_address", "shipping_address", "addresses"),
    idle="The source order has no address to copy.",
)
def copy_addresses(db: Connection, batch: Batch) -> int:
    """Copy the billing and shipping addresses; rows written. A shared address stays shared.

    Raises `TryAgain` when one was deleted since the check.
    """
    with skipping_key_checks(db, _address, few=batch.single) as held:
        rows = sum(execute_and_count(db, copy, now=batch.started_at) for copy in _COPY[held])
    if held and rows != db.scalar(_WANTED):
        raise TryAgain("an address was deleted during the copy")
    return rows
