"""The yardstick on PostgreSQL: the SQL that a good database administrator would write by hand.

Every selected order is valid and no line has options, so it checks nothing. The new keys are
drawn into a temporary map, which every copy is joined with. Any number of connections may run at
the same time, because each claims factories that no other holds.
"""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from threading import Lock
from time import perf_counter

import psycopg

from benchmarks.cpu_clock import CpuClock
from benchmarks.measurement import Job, Timing
from benchmarks.selection import read_selection
from order_factory.models.database.engine import get_engine

SELECTED = """
CREATE TEMPORARY TABLE selected (
    row bigint GENERATED ALWAYS AS IDENTITY, number text NOT NULL
) ON COMMIT DROP
"""

CREATE_BATCH = """
INSERT INTO order_factory_batches
    (reference, mode, status, selection, options, orders_count, created_at, updated_at)
VALUES ('hand-written', 'live', 'pending', 'hand-written', '{}', %(size)s, now(), now())
RETURNING id
"""

CREATE_FACTORIES = """
INSERT INTO order_factories
    (mode, source_order_id, place_target_order, reuse_wallet, skip_errors, type, batch_id, status,
     errors_count, created_at, updated_at)
SELECT o.mode, o.id, %(place)s, true, false, 'order_copies', %(batch)s, 'pending', 0, now(), now()
FROM selected s JOIN orders o ON o.mode = 'live' AND o.number = s.number
ORDER BY s.row
"""

CREATE_EVENTS = """
INSERT INTO events (name, order_factory_id, created_at)
SELECT 'order_factories.create', id, now() FROM order_factories WHERE batch_id = %(batch)s
"""

MAP_TABLE = """
CREATE TEMPORARY TABLE IF NOT EXISTS copy_map (
    factory_id bigint NOT NULL, source_id bigint NOT NULL, target_id bigint NOT NULL,
    billing_source_id bigint, billing_id bigint, shipping_source_id bigint, shipping_id bigint,
    payment_source_id bigint, payment_id bigint
) ON COMMIT DELETE ROWS
"""

FILL_MAP = """
INSERT INTO copy_map
SELECT f.id, s.id, nextval('orders_id_seq'), s.billing_address_id, nextval('addresses_id_seq'),
       s.shipping_address_id,
       CASE WHEN s.shipping_address_id <> s.billing_address_id THEN nextval('addresses_id_seq') END,
       w.payment_source_id,
       CASE WHEN w.id IS NOT NULL THEN nextval('payment_sources_id_seq') END
FROM (SELECT id, source_order_id FROM order_factories
      WHERE batch_id = %(batch)s AND status IN ('pending', 'in_progress')
      ORDER BY id LIMIT %(size)s FOR UPDATE SKIP LOCKED) f
JOIN orders s ON s.id = f.source_order_id
LEFT JOIN customer_payment_sources w
     ON w.payment_source_id = s.payment_source_id AND w.customer_id = s.customer_id
"""

COPY_ADDRESSES = """
INSERT INTO addresses
    (id, copied_from_id, business, first_name, last_name, company, line_1, line_2, city, zip_code,
     state_code, country_code, phone, email, notes, lat, lng, billing_info, metadata, created_at,
     updated_at, mode)
SELECT {key}, a.id, a.business, a.first_name, a.last_name, a.company, a.line_1,
       a.line_2, a.city, a.zip_code, a.state_code, a.country_code, a.phone, a.email, a.notes,
       a.lat, a.lng, a.billing_info, a.metadata, now(), now(), a.mode
FROM copy_map m JOIN addresses a ON a.id = {source}
"""

COPY_BILLING = COPY_ADDRESSES.format(key="m.billing_id", source="m.billing_source_id")
COPY_SHIPPING = (
    COPY_ADDRESSES.format(key="m.shipping_id", source="m.shipping_source_id")
    + "WHERE m.shipping_id IS NOT NULL"
)
COPY_PAYMENT_SOURCES = """
INSERT INTO payment_sources
    (id, copied_from_id, payment_source_type, gateway, name, customer_token, payment_source_token,
     expires_at, reference, reference_origin, metadata, created_at, updated_at, mode)
SELECT m.payment_id, p.id, p.payment_source_type, p.gateway, p.name,
       p.customer_token, p.payment_source_token, p.expires_at, p.reference, p.reference_origin,
       p.metadata, now(), now(), p.mode
FROM copy_map m JOIN payment_sources p ON p.id = m.payment_source_id
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
SELECT m.target_id, 'OF' || m.target_id, m.factory_id,
       CASE WHEN %(place)s THEN 'placed' ELSE 'pending' END,
       CASE WHEN %(place)s AND s.total_amount_with_taxes_cents = 0 THEN 'free' ELSE 'unpaid' END,
       'unfulfilled', s.guest,
       s.customer_id, s.customer_email, s.customer_email_key, s.market_name,
       s.language_code, s.currency_code, s.country_code, s.shipping_country_code_lock,
       s.tax_included, s.tax_rate, s.coupon_code, s.coupon_code_key, s.subtotal_amount_cents,
       s.shipping_amount_cents, s.payment_method_amount_cents, s.discount_amount_cents,
       s.adjustment_amount_cents, s.gift_card_amount_cents, s.total_tax_amount_cents,
       s.total_amount_cents, s.total_amount_with_taxes_cents, m.billing_id, coalesce(m.shipping_id, m.billing_id),
       s.payment_method_id, m.payment_id, s.metadata, now(), now(), s.mode,
       CASE WHEN %(place)s THEN now() END
FROM copy_map m JOIN orders s ON s.id = m.source_id
"""

COPY_LINE_ITEMS = """
INSERT INTO line_items
    (order_id, copied_from_id, item_type, sku_code, bundle_code, name, image_url, quantity,
     currency_code, unit_amount_cents, compare_at_amount_cents, options_amount_cents,
     discount_cents, tax_amount_cents, total_amount_cents, tax_rate, discount_breakdown,
     tax_breakdown, frequency, coupon_code, metadata, created_at, updated_at)
SELECT m.target_id, l.id, l.item_type, l.sku_code, l.bundle_code, l.name,
       l.image_url, l.quantity, l.currency_code, l.unit_amount_cents, l.compare_at_amount_cents,
       l.options_amount_cents, l.discount_cents, l.tax_amount_cents, l.total_amount_cents,
       l.tax_rate, l.discount_breakdown, l.tax_breakdown, l.frequency, l.coupon_code, l.metadata,
       now(), now()
FROM copy_map m JOIN line_items l ON l.order_id = m.source_id
"""

# Each SKU has one stock item with enough pieces.
TAKE_PIECES = """
INSERT INTO stock_reservations
    (order_id, stock_item_id, quantity, status, created_at, updated_at)
SELECT m.target_id, i.id, sum(l.quantity), 'taken', now(), now()
FROM copy_map m JOIN line_items l ON l.order_id = m.source_id
     JOIN skus k ON k.mode = 'live' AND k.code = l.sku_code
     JOIN stock_items i ON i.sku_id = k.id
GROUP BY m.target_id, i.id
"""

COUNT_PIECES = """
UPDATE stock_items i SET quantity = i.quantity - taken.quantity
FROM (SELECT r.stock_item_id, sum(r.quantity) AS quantity
      FROM copy_map m JOIN stock_reservations r ON r.order_id = m.target_id
      GROUP BY r.stock_item_id) taken
WHERE i.id = taken.stock_item_id
"""

CLOSE_FACTORIES = """
UPDATE order_factories f
SET status = 'completed', target_order_id = m.target_id, started_at = now(),
    completed_at = clock_timestamp(), flow_run_id = %(run)s, updated_at = clock_timestamp()
FROM copy_map m WHERE f.id = m.factory_id
"""

CLOSE_EVENTS = """
INSERT INTO events (name, order_factory_id, created_at)
SELECT 'order_factories.start', factory_id, now() FROM copy_map
UNION ALL
SELECT 'order_factories.complete', factory_id, now() FROM copy_map
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
# The stock of all SKUs in a batch is a large part of the table.
PLACE = ("ANALYZE copy_map", "SET LOCAL enable_hashjoin = on", TAKE_PIECES, COUNT_PIECES)
_RUN = str(uuid.uuid4())


# Skip the foreign-key checks in this transaction; the role needs the privilege.
_SKIP_KEY_CHECKS = "SET LOCAL session_replication_role = replica"


@contextmanager
def _connection() -> Iterator[psycopg.Connection]:
    with closing(get_engine().raw_connection()) as connection:
        db = connection.driver_connection
        assert isinstance(db, psycopg.Connection)
        db.autocommit = True
        yield db
        db.autocommit = False


@contextmanager
def _transaction(db: psycopg.Connection, checks_keys: bool) -> Iterator[None]:
    with db.transaction():
        if not checks_keys:
            db.execute(_SKIP_KEY_CHECKS)
        yield


def record(
    db: psycopg.Connection, numbers: list[str], *, checks_keys: bool = True, place: bool = False
) -> int:
    """Insert the batch, its pending factories and their events. Returns the batch's id."""
    with _transaction(db, checks_keys), db.cursor() as cursor:
        cursor.execute(SELECTED)
        with cursor.copy("COPY selected (number) FROM STDIN") as rows:
            for number in numbers:
                rows.write_row((number,))
        cursor.execute(CREATE_BATCH, {"size": len(numbers)})
        (batch,) = cursor.fetchone() or (0,)
        cursor.execute(CREATE_FACTORIES, {"batch": batch, "place": place})
        cursor.execute(CREATE_EVENTS, {"batch": batch})
    return int(batch)


def _copy_batches(
    db: psycopg.Connection, batch: int, size: int, *, checks_keys: bool, place: bool
) -> Iterator[int]:
    db.execute(MAP_TABLE)
    # The batches are small and the tables grow, so a join must not read a whole table.
    db.execute("SET enable_hashjoin = off")
    db.execute("SET enable_mergejoin = off")
    values = {"batch": batch, "size": size, "run": _RUN, "place": place}
    while True:
        with _transaction(db, checks_keys):
            count = db.execute(FILL_MAP, values).rowcount
            if count:
                for statement in (*COPY, *(PLACE if place else ())):
                    db.execute(statement, values)
        if not count:
            return
        yield count


def copy_batches(batch: int, size: int, *, checks_keys: bool, place: bool) -> Iterator[int]:
    """Copy the factories that no other connection holds. Yields the number per transaction."""
    with _connection() as db:
        yield from _copy_batches(db, batch, size, checks_keys=checks_keys, place=place)


def run(job: Job, *, checks_keys: bool = True, place: bool = False) -> Timing:
    """Record and copy the selection on the engine's own connections, with their settings.

    Unless it `checks_keys`, PostgreSQL does not look up what each row refers to. With `place`, the
    orders are placed, for one connection: several could wait for each other's stock.
    """
    cpu = CpuClock(job.url)
    started = perf_counter()
    with _connection() as db:
        batch = record(db, read_selection(job.selection), checks_keys=checks_keys, place=place)
    recorded, copying_from = perf_counter(), cpu.seconds()
    progress: list[tuple[float, int]] = []
    lock = Lock()

    def drain(_worker: int) -> None:
        size = job.batch_size
        for count in copy_batches(batch, size, checks_keys=checks_keys, place=place):
            with lock:
                done = progress[-1][1] if progress else 0
                progress.append((perf_counter() - recorded, done + count))

    with ThreadPoolExecutor(job.workers) as pool:
        list(pool.map(drain, range(job.workers)))
    ended, copying_to = perf_counter(), cpu.seconds()
    return Timing(
        recording=recorded - started,
        copying=ended - recorded,
        whole=ended - started,
        copying_cpu=copying_to - copying_from,
        progress=progress,
    )
