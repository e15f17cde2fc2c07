"""The yardstick on SQLite: the SQL that a good database administrator would write by hand.

It is the only writer, every selected order is valid, and no line has options. So it checks
nothing, and the keys of the new rows are the last key plus the factory's position in the batch.
"""

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from time import perf_counter

from benchmarks.cpu_clock import CpuClock
from benchmarks.measurement import Job, Timing
from benchmarks.selection import read_selection
from order_factory.models.database.engine import get_engine

CREATE_BATCH = """
INSERT INTO order_factory_batches
    (reference, mode, status, selection, options, orders_count, created_at, updated_at)
VALUES ('hand-written', 'live', 'pending', 'hand-written', '{}', :size, :now, :now)
"""

CREATE_FACTORIES = """
INSERT INTO order_factories
    (mode, source_order_id, place_target_order, reuse_wallet, skip_errors, type, batch_id, status,
     errors_count, created_at, updated_at)
SELECT o.mode, o.id, :place, 1, 0, 'order_copies', :batch, 'pending', 0, :now, :now
FROM selected s JOIN orders o ON o.mode = 'live' AND o.number = s.number
ORDER BY s.rowid
"""

CREATE_EVENTS = """
INSERT INTO events (name, order_factory_id, created_at)
SELECT 'order_factories.create', id, :now FROM order_factories WHERE batch_id = :batch
"""

NEXT_RANGE = """
SELECT min(id), max(id), count(*) FROM (
    SELECT id FROM order_factories
    WHERE batch_id = :batch AND status IN ('pending', 'in_progress') AND id > :last
    ORDER BY id LIMIT :size
)
"""

LAST_KEYS = """
SELECT (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'orders'),
       (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'addresses'),
       (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'payment_sources')
"""

COPY_ADDRESSES = """
INSERT INTO addresses
    (id, copied_from_id, business, first_name, last_name, company, line_1, line_2, city, zip_code,
     state_code, country_code, phone, email, notes, lat, lng, billing_info, metadata, created_at,
     updated_at, mode)
SELECT :address + {place}, a.id, a.business, a.first_name, a.last_name, a.company, a.line_1,
       a.line_2, a.city, a.zip_code, a.state_code, a.country_code, a.phone, a.email, a.notes,
       a.lat, a.lng, a.billing_info, a.metadata, :now, :now, a.mode
FROM order_factories f JOIN orders s ON s.id = f.source_order_id
     JOIN addresses a ON a.id = {address}
WHERE f.id BETWEEN :first AND :last AND f.batch_id + 0 = :batch
"""
# `+ 0` makes SQLite use the range of keys instead of the index of batch_id.
COPY_BILLING = COPY_ADDRESSES.format(
    place="2 * (f.id - :first) + 1", address="s.billing_address_id"
)
COPY_SHIPPING = (
    COPY_ADDRESSES.format(place="2 * (f.id - :first) + 2", address="s.shipping_address_id")
    + "AND s.shipping_address_id <> s.billing_address_id"
)

COPY_PAYMENT_SOURCES = """
INSERT INTO payment_sources
    (id, copied_from_id, payment_source_type, gateway, name, customer_token, payment_source_token,
     expires_at, reference, reference_origin, metadata, created_at, updated_at, mode)
SELECT :payment + f.id - :first + 1, p.id, p.payment_source_type, p.gateway, p.name,
       p.customer_token, p.payment_source_token, p.expires_at, p.reference, p.reference_origin,
       p.metadata, :now, :now, p.mode
FROM order_factories f JOIN orders s ON s.id = f.source_order_id
     JOIN payment_sources p ON p.id = s.payment_source_id
     JOIN customer_payment_sources w
          ON w.payment_source_id = p.id AND w.customer_id = s.customer_id
WHERE f.id BETWEEN :first AND :last AND f.batch_id + 0 = :batch
"""

COPY_ORDERS = """
INSERT INTO orders
    (id, number, order_factory_id, status, payment_status, fulfillment_status, guest, customer_id,
     customer_email, customer_email_key, market_name, language_code, currency_code, country_code,
     shipping_country_code_lock, tax_included, tax_rate, coupon_code, coupon_code_key,
     subtotal_amount_cents, shipping_amount_cents, payment_method_amount_cents,
     discount_amount_cents, adjustment_amount_cents, gift_card_amount_cents,
     total_tax_amount_cents, total_amount_cents, total_amount_with_taxes_cents,
     billing_address_id, shipping_address_id, payment_method_id, payment_source_id, metadata,
     created_at, updated_at, mode, placed_at)
SELECT :order + f.id - :first + 1, 'OF' || (:order + f.id - :first + 1), f.id,
       CASE WHEN :place THEN 'placed' ELSE 'pending' END,
       CASE WHEN :place AND s.total_amount_with_taxes_cents = 0 THEN 'free' ELSE 'unpaid' END,
       'unfulfilled', s.guest,
       s.customer_id, s.customer_email, s.customer_email_key, s.market_name,
       s.language_code, s.currency_code, s.country_code, s.shipping_country_code_lock,
       s.tax_included, s.tax_rate, s.coupon_code, s.coupon_code_key, s.subtotal_amount_cents,
       s.shipping_amount_cents, s.payment_method_amount_cents, s.discount_amount_cents,
       s.adjustment_amount_cents, s.gift_card_amount_cents, s.total_tax_amount_cents,
       s.total_amount_cents, s.total_amount_with_taxes_cents, :address + 2 * (f.id - :first) + 1,
       :address + 2 * (f.id - :first) + 1
           + (s.shipping_address_id <> s.billing_address_id),
       s.payment_method_id,
       CASE WHEN w.id IS NOT NULL THEN :payment + f.id - :first + 1 END,
       s.metadata, :now, :now, s.mode, CASE WHEN :place THEN :now END
FROM order_factories f JOIN orders s ON s.id = f.source_order_id
     LEFT JOIN customer_payment_sources w
          ON w.payment_source_id = s.payment_source_id AND w.customer_id = s.customer_id
WHERE f.id BETWEEN :first AND :last AND f.batch_id + 0 = :batch
"""

COPY_LINE_ITEMS = """
INSERT INTO line_items
    (order_id, copied_from_id, item_type, sku_code, bundle_code, name, image_url, quantity,
     currency_code, unit_amount_cents, compare_at_amount_cents, options_amount_cents,
     discount_cents, tax_amount_cents, total_amount_cents, tax_rate, discount_breakdown,
     tax_breakdown, frequency, coupon_code, metadata, created_at, updated_at)
SELECT :order + f.id - :first + 1, l.id, l.item_type, l.sku_code, l.bundle_code, l.name,
       l.image_url, l.quantity, l.currency_code, l.unit_amount_cents, l.compare_at_amount_cents,
       l.options_amount_cents, l.discount_cents, l.tax_amount_cents, l.total_amount_cents,
       l.tax_rate, l.discount_breakdown, l.tax_breakdown, l.frequency, l.coupon_code, l.metadata,
       :now, :now
FROM order_factories f JOIN line_items l ON l.order_id = f.source_order_id
WHERE f.id BETWEEN :first AND :last AND f.batch_id + 0 = :batch
"""

# Each SKU has one stock item with enough pieces.
TAKE_PIECES = """
INSERT INTO stock_reservations
    (order_id, stock_item_id, quantity, status, created_at, updated_at)
SELECT :order + f.id - :first + 1, i.id, sum(l.quantity), 'taken', :now, :now
FROM order_factories f JOIN line_items l ON l.order_id = f.source_order_id
     JOIN skus k ON k.mode = 'live' AND k.code = l.sku_code
     JOIN stock_items i ON i.sku_id = k.id
WHERE f.id BETWEEN :first AND :last AND f.batch_id + 0 = :batch
GROUP BY f.id, i.id
"""

COUNT_PIECES = """
UPDATE stock_items SET quantity = stock_items.quantity - taken.quantity
FROM (SELECT stock_item_id, sum(quantity) AS quantity FROM stock_reservations
      WHERE order_id > :order AND status = 'taken' GROUP BY stock_item_id) taken
WHERE stock_items.id = taken.stock_item_id
"""

CLOSE_FACTORIES = """
UPDATE order_factories
SET status = 'completed', target_order_id = :order + id - :first + 1, started_at = :now,
    completed_at = :now, flow_run_id = :run, updated_at = :now
WHERE id BETWEEN :first AND :last AND batch_id + 0 = :batch
"""

CLOSE_EVENTS = """
INSERT INTO events (name, order_factory_id, created_at)
SELECT 'order_factories.start', id, :now FROM order_factories
WHERE id BETWEEN :first AND :last AND batch_id + 0 = :batch
UNION ALL
SELECT 'order_factories.complete', id, :now FROM order_factories
WHERE id BETWEEN :first AND :last AND batch_id + 0 = :batch
"""

COPY = (
    COPY_BILLING,
    COPY_SHIPPING,
    COPY_PAYMENT_SOURCES,
    COPY_ORDERS,
    COPY_LINE_ITEMS,
    CLOSE_FACTORIES,
    CLOSE_EVENTS,
)
PLACE = (TAKE_PIECES, COUNT_PIECES)


def record(db: sqlite3.Connection, numbers: list[str], *, place: bool = False) -> int:
    """Insert the batch, its pending factories and their events. Returns the batch's id."""
    db.execute("BEGIN IMMEDIATE")
    db.execute("CREATE TEMPORARY TABLE selected (number TEXT NOT NULL)")
    db.executemany("INSERT INTO selected VALUES (?)", [(number,) for number in numbers])
    values = {"size": len(numbers), "now": _now(), "place": place}
    batch = db.execute(CREATE_BATCH, values).lastrowid or 0
    db.execute(CREATE_FACTORIES, {**values, "batch": batch})
    db.execute(CREATE_EVENTS, {**values, "batch": batch})
    db.execute("COMMIT")
    return batch


def copy_batches(db: sqlite3.Connection, batch: int, size: int, *, place: bool) -> Iterator[int]:
    """Copy the batch's factories by id. Yields the number per transaction."""
    values = {"batch": batch, "size": size, "run": str(uuid.uuid4()), "last": 0, "place": place}
    while True:
        db.execute("BEGIN IMMEDIATE")
        first, last, count = db.execute(NEXT_RANGE, values).fetchone()
        if count:
            order, address, payment = db.execute(LAST_KEYS).fetchone()
            values |= {"first": first, "last": last, "now": _now()}
            values |= {"order": order, "address": address, "payment": payment}
            for statement in (*COPY, *(PLACE if place else ())):
                db.execute(statement, values)
        db.execute("COMMIT")
        if not count:
            return
        yield count


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def run(job: Job, *, checks_keys: bool = True, place: bool = False) -> Timing:
    """Record and copy the selection on the engine's own connection, with its settings.

    Unless it `checks_keys`, SQLite does not look up what each row refers to. With `place`, the
    orders are placed.
    """
    cpu = CpuClock(job.url)
    with closing(get_engine().raw_connection()) as connection:
        db = connection.driver_connection
        assert isinstance(db, sqlite3.Connection)
        if not checks_keys:
            db.execute("PRAGMA foreign_keys = OFF")
        started = perf_counter()
        batch = record(db, read_selection(job.selection), place=place)
        recorded, copying_from = perf_counter(), cpu.seconds()
        done, progress = 0, []
        for count in copy_batches(db, batch, job.batch_size, place=place):
            done += count
            progress.append((perf_counter() - recorded, done))
        ended, copying_to = perf_counter(), cpu.seconds()
    return Timing(
        recording=recorded - started,
        copying=ended - recorded,
        whole=ended - started,
        copying_cpu=copying_to - copying_from,
        progress=progress,
    )
