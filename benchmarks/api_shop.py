"""A shop for the load benchmark: orders with lines, and many order factories with their targets.

All rows are of test mode. The factories are made by the database, so a million takes a minute.
"""

from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Select,
    String,
    Table,
    cast,
    func,
    insert,
    literal,
    select,
    text,
)

from order_factory.models.database.dialects import on_sqlite
from order_factory.models.database.engine import begin, reading
from order_factory.models.tables import Address, Customer, LineItem, Order, OrderFactory, Sku
from order_factory.models.tables.base import utc_now
from order_factory.models.values.statuses import FactoryStatus, Mode, OrderStatus
from order_factory.tasks.working_set.statements import table_of

LINES = 10
_SKUS = 100
_EMAILS = 1_000
_order, _line, _factory = table_of(Order), table_of(LineItem), table_of(OrderFactory)


def fill(orders: int, factories: int) -> None:
    """Fill an empty database: orders of several customers, and completed factories of them."""
    with begin() as db:
        skus = [{"code": f"S{n}", "name": f"S{n}", "do_not_track": True} for n in range(_SKUS)]
        db.execute(insert(Sku), [{**each, "mode": "test"} for each in skus])
        address = {"line_1": "1", "city": "Rome", "country_code": "IT", "mode": "test"}
        db.execute(insert(Address), address)
        emails = [{"email": f"c{n}@shop.example", "mode": "test"} for n in range(_EMAILS)]
        db.execute(insert(Customer), emails)
        _insert_orders(db, orders)
        _insert_factories(db, orders, factories)
    with begin() as db:
        if not on_sqlite(db):
            db.execute(text("ANALYZE"))  # PostgreSQL does it by itself a minute later


def first_keys(count: int) -> list[int]:
    """The keys of the first orders."""
    with reading() as db:
        return list(db.scalars(select(_order.c.id).order_by(_order.c.id).limit(count)))


def _insert_orders(db: Connection, count: int) -> None:
    numbers = _numbers(count)
    n = numbers.c.n
    amount = 100 * LINES
    _insert_from(
        db,
        select(
            n.label("id"),
            cast(n, String).label("number"),
            *_order_columns(n, OrderStatus.PLACED, amount),
        ),
        _order,
    )
    line = _numbers(LINES, "lines")
    _insert_from(
        db,
        select(
            n.label("order_id"),
            (literal("S") + cast((n + line.c.n) % _SKUS, String)).label("sku_code"),
            literal(1).label("quantity"),
            literal(100).label("unit_amount_cents"),
            literal(100).label("total_amount_cents"),
        )
        .select_from(numbers)
        .join(line, literal(True)),
        _line,
    )


def _insert_factories(db: Connection, orders: int, count: int) -> None:
    """Completed factories, each with a target order without lines."""
    numbers = _numbers(count)
    n = numbers.c.n
    now = utc_now()
    _insert_from(
        db,
        select(
            (n + orders).label("id"),
            (literal("T") + cast(n, String)).label("number"),
            *_order_columns(n, OrderStatus.PENDING, 0),
        ),
        _order,
    )
    _insert_from(
        db,
        select(
            n.label("id"),
            literal(FactoryStatus.COMPLETED.value).label("status"),
            literal(Mode.TEST.value).label("mode"),
            (n % orders + 1).label("source_order_id"),
            (n + orders).label("target_order_id"),
            *(literal(now, _factory.c[name].type).label(name) for name in _TIMES),
        ),
        _factory,
    )
    if not on_sqlite(db):
        for table in (_order, _factory):
            last = select(func.max(table.c.id)).scalar_subquery()
            db.execute(select(func.setval(func.pg_get_serial_sequence(table.name, "id"), last)))


_TIMES = ("started_at", "completed_at", "created_at", "updated_at")


def _order_columns(
    n: ColumnElement[int], status: OrderStatus, amount_cents: int
) -> list[ColumnElement[Any]]:
    email = literal("c") + cast(n % _EMAILS, String) + literal("@shop.example")
    return [
        literal(status.value).label("status"),
        literal(Mode.TEST.value).label("mode"),
        (n % _EMAILS + 1).label("customer_id"),
        email.label("customer_email"),
        literal(1).label("billing_address_id"),
        literal(1).label("shipping_address_id"),
        literal("EUR").label("currency_code"),
        literal(amount_cents).label("total_amount_cents"),
    ]


def _numbers(count: int, name: str = "numbers") -> CTE:
    """The numbers from 1 to `count`, as a table that the database makes."""
    numbers = select(literal(1).label("n")).cte(name, recursive=True)
    return numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < count))


def _insert_from(db: Connection, rows: Select[Any], table: Table) -> None:
    names = [column.name for column in rows.selected_columns]
    db.execute(insert(table).from_select(names, rows, include_defaults=False))
