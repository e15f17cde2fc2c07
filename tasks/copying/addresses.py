"""The addresses: copied as new rows, so that a later edit of one order never changes another."""

from sqlalchemy import (
    Column,
    ColumnElement,
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

# An open order that is merged into gets its addresses in its own time.
_has_no_billing = and_(copies.c.billing_address_id.is_(None), not_(copies.c.merges))
_has_no_shipping = and_(copies.c.shipping_address_id.is_(None), not_(copies.c.merges))
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
    # An order that ships nothing may have any address.
    exists().where(line_sums.c.factory_id == copies.c.factory_id, line_sums.c.lines_to_ship > 0),
    joins=[(_address, _is_shipped_to)],
)
_LEAVE_OUTSIDE_OUT = (
    update(copies)
    .where(copies.c.skip_errors, _is_shipped_to, _is_outside)
    .values(shipping_address_id=null(), target_shipping_address_id=null())
)


def check_addresses(db: Connection, *, missing: bool, locked: bool) -> int:
    """Record missing addresses and shipping addresses outside the order's country lock.

    `missing` and `locked` say which of the two checks are needed. An order that ships nothing needs
    no shipping address. With `skip_errors`, a wrong address is left out of the target order.
    Returns the number of errors.
    """
    error_count = 0
    if missing:
        error_count += sum(execute_and_count(db, statement) for statement in _MISSING)
    if locked and (outside_count := execute_and_count(db, _OUTSIDE)):
        error_count += outside_count
        db.execute(_LEAVE_OUTSIDE_OUT)
    return error_count


def insert_addresses(
    source: Column[int], target: Column[int], *where: ColumnElement[bool], lock: bool
) -> Insert:
    """Insert a new address for each valid copy: the row of `source` under the key in `target`.

    Set `lock` if the foreign key of a copy does not lock the row that it refers to.
    """
    values = {
        "id": target,
        "copied_from_id": _address.c.id,
        **columns_by_name(COPIED_COLUMNS),
        **kept_columns(_address),
        **times(NOW),
    }
    rows = copies.join(_address, _address.c.id == source)
    conditions = copies.c.valid, target.is_not(None), *where
    return insert_select(Address, values, rows, *conditions, locked=_address if lock else None)


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
    errors=(
        *("billing_address", "shipping_address", "addresses"),
        *("target_billing_address", "target_shipping_address"),
    ),
    idle="The source order has no address to copy.",
)
def copy_addresses(db: Connection, batch: Batch) -> int:
    """Copy the billing and shipping addresses. Returns the number of rows.

    If the source order uses one address for both, so does the target order. Raises `TryAgain` if an
    address was deleted after the check.
    """
    with skipping_key_checks(db, _address, few=batch.single) as locks_rows:
        rows = sum(execute_and_count(db, copy, now=batch.started_at) for copy in _COPY[locks_rows])
    if locks_rows and rows != db.scalar(_WANTED):
        raise TryAgain("an address was deleted during the copy")
    return rows
