"""Foreign keys that a statement answers for itself, which only PostgreSQL has a way to say."""

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from order_factory.models.database.engine import begin, get_engine
from order_factory.models.database.foreign_keys import skipping_key_checks
from order_factory.models.errors import TryAgain
from order_factory.models.tables import (
    Address,
    CustomerPaymentSource,
    Event,
    LineItem,
    Order,
    OrderFactory,
    PaymentMethod,
    PaymentSource,
    StockReservation,
)
from order_factory.models.tables.base import utc_now
from order_factory.tasks.copying.recipe import STEPS
from order_factory.tasks.working_set.statements import table_of
from tests.support.copying import copy, copy_batch, copy_one, make_batch, request_copy, target_of

pytestmark = pytest.mark.parametrize("shop", ["postgres"], indirect=True)

_LINES = table_of(LineItem)


def _holds():
    with begin() as db, skipping_key_checks(db, _LINES) as skipped:
        return skipped


@pytest.fixture
def clerk(shop, monkeypatch):
    """A role of the database that may read and write, and no more; the settings name it."""
    with begin() as db:
        for statement in (
            "CREATE ROLE clerk LOGIN",
            "GRANT ALL ON ALL TABLES IN SCHEMA public TO clerk",
            "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO clerk",
        ):
            db.exec_driver_sql(statement)
    owner = get_engine()
    url = owner.url.set(username="clerk").render_as_string(hide_password=False)
    with monkeypatch.context() as settings:
        settings.setenv("ORDER_FACTORY_DATABASE_URL", url)
        yield owner
        get_engine().dispose()
    with begin() as db:
        db.exec_driver_sql("DROP OWNED BY clerk")
        db.exec_driver_sql("DROP ROLE clerk")


def test_a_superuser_skips_key_checks(shop):
    assert _holds()


def test_a_role_without_the_privilege_copies_with_key_checks(shop, clerk):
    source = shop.order()

    target = target_of(copy_one(source))

    assert not _holds()
    assert shop.row(LineItem, order_id=target).copied_from_id is not None


def test_a_role_with_the_privilege_skips_key_checks(shop, clerk):
    with clerk.begin() as db:
        db.exec_driver_sql("GRANT SET ON PARAMETER session_replication_role TO clerk")
    source = shop.order()

    result = copy_one(source)

    assert _holds()
    assert result.status == "completed"


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE RULE quiet AS ON INSERT TO line_items WHERE new.quantity < 0 DO INSTEAD NOTHING",
        (
            "ALTER TABLE line_items ADD CONSTRAINT in_catalogue "
            "FOREIGN KEY (id) REFERENCES order_factory_batches (id) NOT VALID"
        ),
        "ALTER TABLE line_items ADD CONSTRAINT once UNIQUE (id) DEFERRABLE",
    ],
)
def test_triggers_and_keys_of_the_shop_are_not_skipped(shop, statement):
    with begin() as db:
        db.exec_driver_sql(statement)

    assert not _holds()


def test_a_trigger_of_the_shop_sees_every_copied_line(shop):
    with begin() as db:
        db.exec_driver_sql(
            "CREATE FUNCTION upper_name() RETURNS trigger LANGUAGE plpgsql AS "
            "'BEGIN NEW.name := upper(NEW.name); RETURN NEW; END'"
        )
        db.exec_driver_sql(
            "CREATE TRIGGER upper_name BEFORE INSERT ON line_items "
            "FOR EACH ROW EXECUTE FUNCTION upper_name()"
        )
    source = shop.order(lines=[])
    shop.sku("MUG")
    shop.line(source, sku_code="MUG", name="Mug", quantity=1, total_amount_cents=1_00)

    target = target_of(copy_one(source))

    assert shop.row(LineItem, order_id=target).name == "MUG"


def test_key_checks_are_on_again_after_the_statement(shop):
    unknown = {"name": "order_factories.create", "order_factory_id": 404, "created_at": utc_now()}
    with begin() as db:
        with skipping_key_checks(db, _LINES):
            pass
        with pytest.raises(IntegrityError, match="fk_events_order_factory_id"):
            db.execute(insert(Event).values(unknown))


def _delete_elsewhere(source, column):
    """As another program, set this reference of the order to null, and delete its row."""
    (reference,) = Order.__table__.c[column].foreign_keys
    referred = reference.column.table
    key = Order.__table__.c[column]
    with get_engine().connect() as other, other.begin():
        other.exec_driver_sql("SET LOCAL lock_timeout = '100ms'")
        found_key = other.scalar(select(key).where(Order.id == source))
        other.execute(update(Order).where(Order.id == source).values({column: None}))
        other.execute(delete(CustomerPaymentSource))
        other.execute(delete(referred).where(referred.c.id == found_key))


_REFERENCES = ("customer_id", "payment_method_id", "billing_address_id", "payment_source_id")


def _orders_with_references(shop):
    return [
        shop.order(
            customer_id=customer,
            billing_address_id=shop.address(),
            payment_method_id=shop.add(PaymentMethod, payment_source_type="manual"),
            payment_source_id=shop.payment_source(wallet_of=customer),
        )
        for customer in (shop.customer(), shop.customer())
    ]


@pytest.mark.parametrize("column", _REFERENCES)
def test_rows_that_copies_refer_to_cannot_be_deleted_before_the_commit(shop, column):
    sources = _orders_with_references(shop)
    refused = []

    def delete_elsewhere(_db, _batch):
        with pytest.raises(OperationalError, match="lock timeout"):
            _delete_elsewhere(sources[0], column)
        refused.append(column)
        return 0

    STEPS.insert(-1, delete_elsewhere)

    ended = copy(*sources)

    assert [result.status for result in ended] == ["completed"] * 2
    assert refused == [column]


@pytest.mark.parametrize("column", ["billing_address_id", "payment_source_id"])
def test_a_part_is_retried_if_a_source_was_deleted(shop, column):
    sources = _orders_with_references(shop)
    batch = make_batch([request_copy(source) for source in sources])

    def delete_elsewhere(_db, _batch):
        _delete_elsewhere(sources[0], column)
        return 0

    STEPS.insert(1, delete_elsewhere)

    with pytest.raises(TryAgain, match="deleted during the copy"):
        copy_batch(batch)
    assert len(shop.rows(Order)) == 2


def test_every_reference_of_a_copied_row_is_locked_or_written(shop):
    answered = {
        Address: {"copied_from_id"},
        PaymentSource: {"copied_from_id"},
        LineItem: {"order_id", "copied_from_id"},
        Event: {"order_factory_id"},
        StockReservation: {"order_id", "stock_item_id"},
    }

    for model, columns in answered.items():
        assert {key.parent.key for key in model.__table__.foreign_keys} == columns


def _delete_line(line):
    """As another program, delete the line, unless that takes longer than 100 ms."""
    with get_engine().connect() as other, other.begin():
        other.exec_driver_sql("SET LOCAL lock_timeout = '100ms'")
        other.execute(delete(LineItem).where(LineItem.id == line))


@pytest.mark.parametrize("place", [1, -1])  # before and after the lines are copied
@pytest.mark.parametrize("orders", [1, 2])
def test_a_line_cannot_be_deleted_while_it_is_copied(shop, place, orders):
    sources = [shop.order() for _ in range(orders)]
    line = shop.row(LineItem, order_id=sources[0]).id
    refused = []

    def delete_elsewhere(_db, _batch):
        with pytest.raises(OperationalError, match="lock timeout"):
            _delete_line(line)
        refused.append(line)
        return 0

    STEPS.insert(place, delete_elsewhere)

    assert [result.status for result in copy(*sources)] == ["completed"] * orders
    assert refused == [line]
    with pytest.raises(IntegrityError, match="fk_line_items_copied_from_id"):
        _delete_line(line)


def test_a_line_cannot_be_deleted_with_a_snapshot_from_before_the_request(shop):
    sources = [shop.order(), shop.order()]
    line = shop.row(LineItem, order_id=sources[0]).id
    engine = get_engine().execution_options(isolation_level="REPEATABLE READ")
    refused = []
    with engine.connect() as other, other.begin():
        other.execute(select(Order.id))

        def delete_elsewhere(_db, _batch):
            other.exec_driver_sql("SET LOCAL lock_timeout = '100ms'")
            with pytest.raises(OperationalError, match="lock timeout"):
                other.execute(delete(LineItem).where(LineItem.id == line))
            refused.append(line)
            return 0

        STEPS.insert(-1, delete_elsewhere)
        ended = copy(*sources)
        other.rollback()

    assert [result.status for result in ended] == ["completed"] * 2
    assert refused == [line]


def test_a_copy_waits_for_a_deletion_of_one_of_its_lines(shop):
    sources = [shop.order(), shop.order()]
    batch = make_batch([request_copy(source) for source in sources])
    line = shop.row(LineItem, order_id=sources[0]).id
    with get_engine().connect() as other, other.begin():
        other.execute(delete(LineItem).where(LineItem.id == line))

        assert copy_batch(batch) == []
        assert [each.status for each in shop.rows(OrderFactory)] == ["pending", "completed"]

    assert copy_batch(batch) == []
    assert [each.status for each in shop.rows(OrderFactory)] == ["failed", "completed"]


def test_no_copy_is_requested_while_a_line_is_deleted(shop):
    source = shop.order()
    with get_engine().connect() as other, other.begin():
        other.execute(delete(LineItem).where(LineItem.order_id == source))

        with begin() as db:
            db.exec_driver_sql("SET LOCAL lock_timeout = '100ms'")
            with pytest.raises(OperationalError, match="lock timeout"):
                db.execute(insert(OrderFactory).values(source_order_id=source))
            db.rollback()


def test_the_copy_is_retried_if_a_line_is_deleted_before_it_is_copied(shop):
    with begin() as db:
        db.exec_driver_sql("ALTER TABLE line_items DISABLE TRIGGER lock_copies_of_line")
    source = shop.order()
    line = shop.row(LineItem).id

    def delete_elsewhere(_db, _batch):
        _delete_line(line)
        return 0

    STEPS.insert(1, delete_elsewhere)

    with pytest.raises(TryAgain):
        copy_one(source)
    assert shop.row(OrderFactory).status == "pending"
    assert len(shop.rows(Order)) == 1


@pytest.mark.parametrize("state", ["DISABLE TRIGGER", "ENABLE REPLICA TRIGGER"])
def test_key_checks_are_not_skipped_without_the_trigger_for_deleted_lines(shop, state):
    with begin() as db:
        db.exec_driver_sql(f"ALTER TABLE line_items {state} lock_copies_of_line")

    assert not _holds()
