"""The addresses: copied as new rows, so that a later edit of one order never changes another."""

from datetime import datetime

from sqlalchemy import Column, ColumnElement, Connection, Insert, func, literal, null, or_, update

from models import Address
from tasks.batch import Batch
from tasks.errors import record
from tasks.inserts import carried, insert_select, table_of, times, unchanged, written
from tasks.steps import step
from tasks.work_tables import copies, line_sums

CARRIED = carried(Address)


def check_addresses(db: Connection) -> int:
    """Record missing addresses, and shipping addresses outside the order's lock; how many errors.

    An order of nothing that ships needs no shipping address. With `skip_errors` the address is
    left out of the target order.
    """
    address = table_of(Address)
    missing = "the order has no {} address"
    found = record(
        db,
        "billing_address",
        "billing_address_missing",
        missing.format("billing"),
        copies.c.billing_address_id.is_(None),
    )
    found += record(
        db,
        "shipping_address",
        "shipping_address_missing",
        missing.format("shipping"),
        copies.c.shipping_address_id.is_(None),
        line_sums.c.lines_to_ship > 0,
        joins=[(line_sums, line_sums.c.factory_id == copies.c.factory_id)],
    )
    lock = func.upper(copies.c.shipping_country_code_lock)
    outside = record(
        db,
        "shipping_address",
        "shipping_address_outside_lock",
        literal("the country ")
        + address.c.country_code
        + " is outside the order's shipping country lock "
        + copies.c.shipping_country_code_lock,
        func.upper(address.c.country_code) != lock,
        joins=[(address, address.c.id == copies.c.shipping_address_id)],
    )
    if outside:
        elsewhere = address.c.country_code
        left_out = (
            update(copies)
            .where(copies.c.skip_errors, address.c.id == copies.c.shipping_address_id)
            .where(func.upper(elsewhere) != lock)
        )
        db.execute(left_out.values(shipping_address_id=null(), target_shipping_address_id=null()))
    return found + outside


def insert_addresses(
    source: Column[int], target: Column[int], now: datetime, *where: ColumnElement[bool]
) -> Insert:
    """One new address per sound copy: the row of `source` under the key in `target`."""
    address = table_of(Address)
    values = {
        "id": target,
        "copied_from_id": address.c.id,
        **unchanged(CARRIED),
        **times(now),
    }
    rows = copies.join(address, address.c.id == source)
    return insert_select(Address, values, rows, copies.c.sound, target.is_not(None), *where)


@step(name="copy addresses", field="addresses")
def copy_addresses(db: Connection, batch: Batch) -> int:
    """Copy the billing and shipping addresses; rows written. A shared address stays shared."""
    of = copies.c
    apart = or_(
        of.target_billing_address_id.is_(None),
        of.target_shipping_address_id != of.target_billing_address_id,
    )
    now = batch.started_at
    billing = insert_addresses(of.billing_address_id, of.target_billing_address_id, now)
    shipping = insert_addresses(of.shipping_address_id, of.target_shipping_address_id, now, apart)
    return written(db, billing) + written(db, shipping)
