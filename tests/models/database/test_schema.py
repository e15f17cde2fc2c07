"""The schema: migrations create the tables of the models, and constraints hold."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import delete, inspect, text
from sqlalchemy.exc import IntegrityError

from order_factory.models.database import schema
from order_factory.models.database.engine import begin, get_engine, reading
from order_factory.models.database.schema import newest_version, require_schema, upgrade
from order_factory.models.errors import DatabaseNotReady
from order_factory.models.tables import (
    Base,
    CustomerPaymentSource,
    LineItem,
    Order,
    OrderFactory,
    StockItem,
    Transaction,
)
from order_factory.models.values.public_ids import Resource
from tests.support.copying import change, request_copy


def test_the_migrations_create_the_tables_of_the_models(shop):
    with reading() as db:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(db, opts=options)

        assert compare_metadata(context, Base.metadata) == []


def test_the_constraints_are_those_of_the_models(shop):
    inspector = inspect(get_engine())

    for table in Base.metadata.sorted_tables:
        keys = inspector.get_foreign_keys(table.name)
        for kind, names in {
            "ck": {check["name"] for check in inspector.get_check_constraints(table.name)},
            # SQLite does not tell the name of a key that came with a later column.
            "fk": {
                key["name"] or f"fk_{table.name}_{key['constrained_columns'][0]}" for key in keys
            },
        }.items():
            declared = {str(constraint.name) for constraint in table.constraints}
            assert names == {name for name in declared if name.startswith(f"{kind}_")}


def test_upgrading_again_changes_nothing(shop):
    assert upgrade() == (newest_version(), newest_version())
    require_schema()


def test_an_older_database_is_upgraded_with_its_rows(shop):
    with begin() as db:
        for table in reversed(Base.metadata.sorted_tables):
            cascade = "" if db.dialect.name == "sqlite" else " CASCADE"
            db.execute(text(f"DROP TABLE {table.name}{cascade}"))
        db.execute(text("DROP TABLE alembic_version"))
    upgrade("0001")
    with begin() as db:
        db.execute(text("INSERT INTO orders (currency_code) VALUES ('EUR')"))
        order = db.execute(text("SELECT id FROM orders")).scalar_one()
        db.execute(
            text("INSERT INTO order_factories (source_order_id) VALUES (:id)"), {"id": order}
        )

    assert upgrade() == ("0001", newest_version())
    assert shop.row(OrderFactory, source_order_id=order).retry_of_id is None


def test_the_errors_of_an_older_database_get_their_skus(shop):
    order = shop.order(lines=[("MUG", 1, 12_50), ("RARE", 2, 5_00)])
    factory = request_copy(order)
    with begin() as db:
        of_mug = db.execute(
            text("SELECT id FROM line_items WHERE order_id = :order AND sku_code = 'MUG'"),
            {"order": order},
        ).scalar_one()
        db.execute(text("ALTER TABLE copy_errors DROP COLUMN sku_code"))
        db.execute(text("UPDATE alembic_version SET version_num = '0014'"))
        for code, message, line_item in (
            ("sku_not_purchasable", "SKU MUG: is not purchasable", of_mug),
            ("not_enough_stock", "SKU RARE: 2 wanted, 1 in stock", None),
            ("customer_blocked", "the customer is blocked", None),
        ):
            db.execute(
                text(
                    "INSERT INTO copy_errors (order_factory_id, field, code, message, line_item_id)"
                    " VALUES (:factory, 'any', :code, :message, :line)"
                ),
                {"factory": factory, "code": code, "message": message, "line": line_item},
            )

    upgrade("0015")

    with begin() as db:
        db.execute(
            text("UPDATE alembic_version SET version_num = :head"), {"head": newest_version()}
        )
        skus = db.execute(text("SELECT code, sku_code FROM copy_errors ORDER BY id")).all()
    assert [tuple(row) for row in skus] == [
        ("sku_not_purchasable", "MUG"),
        ("not_enough_stock", "RARE"),
        ("customer_blocked", None),
    ]


def test_a_migration_that_rebuilds_the_table_keeps_the_transactions(shop):
    """On SQLite, a column becomes nullable only in a new table."""
    with begin() as db:
        for table in reversed(Base.metadata.sorted_tables):
            cascade = "" if db.dialect.name == "sqlite" else " CASCADE"
            db.execute(text(f"DROP TABLE {table.name}{cascade}"))
        db.execute(text("DROP TABLE alembic_version"))
    upgrade("0015")
    with begin() as db:
        db.execute(text("INSERT INTO orders (currency_code) VALUES ('EUR')"))
        order = db.execute(text("SELECT id FROM orders")).scalar_one()
        db.execute(
            text("INSERT INTO order_factories (source_order_id) VALUES (:id)"), {"id": order}
        )
        factory = db.execute(text("SELECT id FROM order_factories")).scalar_one()
        for kind, parent, key in (
            ("authorizations", None, "a"),
            ("voids", 1, "b"),
            ("voids", 1, "c"),
        ):
            db.execute(
                text(
                    "INSERT INTO transactions (type, order_id, order_factory_id, authorization_id, "
                    "gateway, amount_cents, currency_code, idempotency_key, status) VALUES "
                    "(:kind, :order, :factory, :of, 'test', 1, 'EUR', :key, 'failed')"
                ),
                {"kind": kind, "order": order, "factory": factory, "of": parent, "key": key},
            )
        db.execute(text("DELETE FROM transactions WHERE idempotency_key = 'c'"))

    upgrade()

    rows = [(row.id, row.type, row.authorization_id) for row in shop.rows(Transaction)]
    assert rows == [(1, "authorizations", None), (2, "voids", 1)]
    values = {"gateway": "test", "amount_cents": 1, "currency_code": "EUR", "order_id": order}
    added = shop.add(Transaction, type="voids", idempotency_key="d", authorization_id=1, **values)
    assert added == 4, "the key of a deleted row is not used again"
    with pytest.raises(IntegrityError):
        shop.add(Transaction, type="voids", idempotency_key="e", authorization_id=99, **values)


def test_a_database_without_tables_has_a_helpful_message(monkeypatch, tmp_path):
    monkeypatch.setenv("ORDER_FACTORY_DATABASE_URL", f"sqlite:///{tmp_path}/empty.db")

    with pytest.raises(DatabaseNotReady, match="there is no such file; run `order-factory init`"):
        require_schema()
    assert upgrade() == (None, newest_version())
    require_schema()
    get_engine().dispose()


def test_every_resource_has_a_public_id():
    own = {
        "api_tokens",
        "copy_errors",
        "idempotency_records",
        "order_subscription_overtaken_batches",
        "shop_identity",
        "stored_files",
        "stored_file_pieces",
    }

    assert {*Base.metadata.tables} == own | {resource.name for resource in Resource}


@pytest.mark.parametrize(
    "do",
    [
        lambda shop, order: shop.order(number=shop.number_of(order)),
        lambda shop, order: shop.add(StockItem, sku_id=1, stock_location="b", quantity=-1),
        lambda shop, order: shop.add(StockItem, sku_id=1, stock_location="main", quantity=1),
        lambda shop, order: shop.sku("MUG"),
        lambda shop, order: shop.customer(email="one@shop.example"),
        lambda shop, order: change(OrderFactory, request_copy(order), errors_count=-1),
        lambda shop, order: [
            shop.add(CustomerPaymentSource, customer_id=1, payment_source_id=1) for _ in range(2)
        ],
        lambda shop, order: [shop.line(order, copied_from_id=1) for _ in range(2)],
        lambda shop, order: [shop.option(1, copied_from_id=1) for _ in range(2)],
        lambda shop, order: [
            shop.order(order_factory_id=factory) for factory in [request_copy(order)] * 2
        ],
        lambda shop, order: change(
            OrderFactory, [request_copy(order), request_copy(order)], target_order_id=order
        ),
        lambda shop, order: change(
            OrderFactory,
            [request_copy(order), request_copy(order)],
            retry_of_id=request_copy(order),
        ),
        lambda shop, order: change(OrderFactory, request_copy(order), retry_of_id=999),
    ],
    ids=[
        "two orders with one number",
        "stock below zero",
        "a stock location twice",
        "a SKU twice",
        "an email twice",
        "errors below zero",
        "a payment source twice in a wallet",
        "a line copied twice into an order",
        "an option copied twice onto a line",
        "two orders from one factory",
        "two factories with one order",
        "a factory tried again twice",
        "a retry of nothing",
    ],
)
def test_constraints_forbid_what_must_never_happen(shop, do):
    order = shop.order(customer_id=shop.customer(email="one@shop.example"))
    shop.payment_source()
    shop.option(1)

    with pytest.raises(IntegrityError):
        do(shop, order)


def test_the_other_mode_has_its_own_codes_emails_and_numbers(shop):
    for mode in ("live", "test"):
        shop.order(
            mode=mode, number="7", customer_id=shop.customer(mode=mode, email="one@x.example")
        )

    assert [row.number for row in shop.rows(Order)] == ["7", "7"]


def test_keys_are_never_used_again(shop):
    key = shop.order()
    with begin() as db:
        for table in (LineItem, Order):
            db.execute(delete(table))

    assert shop.order() > key


def test_the_newest_version_is_the_head_of_the_migrations():
    heads = ScriptDirectory(str(Path(schema.__file__).parent / "migrations")).get_heads()

    assert heads == [newest_version()]
