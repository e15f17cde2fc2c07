"""Copying a batch: all orders together, or one by one after an error. An order is copied whole."""

import traceback

import pytest
from sqlalchemy import insert, select, text

from order_factory.models.database.engine import begin, get_engine
from order_factory.models.errors import TryAgain
from order_factory.models.tables import CopyError, LineItem, Order, OrderFactory
from order_factory.tasks.copying import engine
from order_factory.tasks.copying.engine import copy_claimed
from order_factory.tasks.copying.recipe import STEPS
from order_factory.tasks.working_set.claims import claim_pending
from order_factory.tasks.working_set.step import StepFailed
from tests.support.copying import (
    FLOW_RUN,
    SECRET,
    change,
    copy,
    copy_batch,
    copy_one,
    factory_of,
    insert_step,
    make_batch,
    make_failing_step,
    read_database,
    read_results,
    record_statements,
    request_copy,
    target_of,
)

REFUSED = "could not be copied: the database refused a row"


def test_one_order_with_five_things_wrong_shows_all_five(shop):
    customer = shop.customer(status="blocked")
    shop.sku("RARE", stock=1)
    source = shop.order(
        lines=[("RARE", 2, 1_00), ("MUG", 0, 12_50)],
        customer_id=customer,
        billing_address_id=None,
        payment_source_id=shop.payment_source(wallet_of=shop.customer()),
    )
    shop.line(source, sku_code="GONE")

    result = copy_one(source)

    assert result.status == "failed"
    assert result.errors_log == {
        "customer": ["the customer is blocked"],
        "billing_address": ["the order has no billing address"],
        "line_items": [
            "SKU MUG: the quantity 0 is below 1",
            "SKU GONE is no longer in the catalogue",
            "SKU RARE: 2 wanted, 1 in stock",
        ],
        "payment_source": ["the payment source is in another customer's wallet"],
    }
    assert result.errors_count == 6
    assert len(shop.rows(Order)) == 1


def test_copying_claimed_factories_twice_writes_nothing_new(shop):
    sources = [shop.order(), shop.order(lines=[("PEN", 0, 1_00)]), shop.order()]
    factories = [
        request_copy(source, place_target_order=place)
        for source, place in zip(sources, [False, False, True], strict=True)
    ]
    batch = make_batch(factories)
    copy_batch(batch)
    once = read_database()

    with begin() as db:
        claimed = claim_pending(db, batch, limit=10)

    assert claimed == 0
    assert [result.status for result in read_results(factories)] == [
        "completed",
        "failed",
        "failed",
    ]
    assert read_database() == once


def test_copying_the_same_claims_twice_in_one_transaction_writes_nothing_new(shop):
    factories = [request_copy(shop.order()), request_copy(shop.order(lines=[("PEN", 0, 1_00)]))]
    batch = make_batch(factories)

    with begin() as db:
        claimed = claim_pending(db, batch, limit=10)
        stuck = copy_claimed(db, claimed, FLOW_RUN).stuck
        stuck += copy_claimed(db, claimed, FLOW_RUN).stuck

    assert stuck == []
    assert [result.status for result in read_results(factories)] == ["completed", "failed"]
    assert [result.errors_count for result in read_results(factories)] == [0, 1]
    assert len(shop.rows(Order)) == 3
    assert len(shop.rows(CopyError)) == 1


def test_a_rolled_back_batch_leaves_the_database_as_it_was(shop):
    customer = shop.customer()
    saved = shop.payment_source(wallet_of=customer)
    source = shop.order(customer_id=customer, payment_source_id=saved)
    shop.option(shop.rows(LineItem)[0].id)
    batch = make_batch(
        [
            request_copy(source, place_target_order=True),
            request_copy(shop.order(lines=[("PEN", 0, 1_00)])),
        ]
    )
    before = read_database()

    def interrupt():
        with begin() as db:
            copy_claimed(db, claim_pending(db, batch, limit=10), FLOW_RUN)
            assert len(db.execute(select(Order.id)).all()) == 3
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()

    assert read_database() == before


@pytest.mark.parametrize("place", [False, True])
def test_the_number_of_statements_does_not_grow_with_the_orders(shop, place):
    valid = shop.order()
    faulty = shop.order(lines=[("MUG", 0, 1_00), ("CAP", 2000, 1_00)])
    shop.line(faulty, sku_code="GONE")
    change(Order, faulty, billing_address_id=None)
    options = {"place_target_order": place, "skip_errors": True}

    def statements(orders):
        batch = make_batch([request_copy(order, **options) for order in orders])
        get_engine().dispose()  # a new connection: each copy makes its temporary tables
        with record_statements() as executed:
            copy_batch(batch)
        return len(executed)

    few = statements([valid, faulty])
    many = statements([valid, faulty] * 25)
    assert many == few


def test_an_order_that_the_database_refuses_fails_alone(shop):
    bad = shop.order(lines=[("MUG", 1, 12_50), ("CURSED", 1, 1_00)])
    wrong = shop.order(lines=[("PEN", 0, 1_00)])
    good = [shop.order(lines=[("MUG", nth, 12_50)]) for nth in range(1, 6)]
    refuse_lines_of("CURSED")

    ended = copy(good[0], bad, *good[1:], wrong)

    assert [result.status for result in ended] == ["completed", "failed"] + ["completed"] * 4 + [
        "failed"
    ]
    assert ended[1].target_order is None
    (message,) = ended[1].errors_log["line_items"]
    assert message.startswith(REFUSED)
    assert ended[1].errors_count == 1
    assert ended[6].errors_log == {"line_items": ["SKU PEN: the quantity 0 is below 1"]}
    assert is_nothing_half_written(shop, ended)


def test_errors_of_refused_rows_contain_no_personal_data(shop, monkeypatch):
    monkeypatch.setattr(engine, "_fail", give_up)
    source = shop.order(lines=[("CURSED", 1, 1_00)])
    refuse_lines_of("CURSED")

    with pytest.raises(StepFailed) as raised:
        copy_one(source)

    shown = "".join(traceback.format_exception(raised.value)) + repr(raised.value.args)
    assert "refused a row" in shown
    assert SECRET not in shown
    assert "CURSED" not in shown


def test_the_log_of_a_refused_row_names_no_personal_data(shop):
    source = shop.order(lines=[("CURSED", 1, 1_00)])
    refuse_lines_of("CURSED")

    result = copy_one(source)

    assert result.errors_count == 1
    assert SECRET not in result.model_dump_json()
    assert SECRET not in str(read_database()["copy_errors"])


@pytest.mark.parametrize("at", range(len(STEPS) + 1))
def test_an_exception_for_one_order_fails_only_that_order(shop, at):
    sources = [shop.order() for _ in range(4)]
    STEPS.insert(at, make_failing_step(sources[2]))

    ended = copy(*sources, place_target_order=at == 9)

    detail = {"line_items": ["could not be copied: unexpected RuntimeError"]}
    assert ended[2].status == "failed"
    assert ended[2].errors_log == detail
    assert {result.target_order is None for result in ended} == {True, False}
    assert is_nothing_half_written(shop, ended)


def test_an_unexpected_failure_is_recorded_beside_the_errors_of_the_checks(shop):
    source = shop.order(lines=[("MUG", 1, 12_50), ("PEN", 0, 1_00)])
    STEPS.append(make_failing_step(source))

    result = copy_one(source, skip_errors=True)

    assert result.status == "failed"
    assert result.errors_log == {
        "line_items": [
            "SKU PEN: the quantity 0 is below 1",
            "could not be copied: unexpected RuntimeError",
        ]
    }
    assert result.target_order is None


def test_an_order_with_too_large_sums_fails_alone(shop):
    huge = shop.order()
    for _ in range(2):
        line = {"item_type": "adjustments", "quantity": 1, "total_amount_cents": 2**63 - 1}
        shop.add(LineItem, order_id=huge, **line)
    good = shop.order()

    ended = copy(huge, good)

    assert [result.status for result in ended] == ["failed", "completed"]
    assert is_nothing_half_written(shop, ended)


def test_a_failed_order_does_not_affect_the_others(shop):
    shop.sku("RARE", stock=1)
    first, second = (shop.order(lines=[("RARE", 1, 1_00)]) for _ in range(2))
    bad, other = shop.order(), shop.order()
    STEPS.append(make_failing_step(bad))

    ended = copy(first, other, bad, second)

    assert [result.status for result in ended] == ["completed", "completed", "failed", "failed"]
    assert ended[3].errors_log == {"line_items": ["SKU RARE: 1 wanted, 0 in stock"]}


def test_a_factory_that_cannot_be_marked_as_failed_stays_pending(shop):
    stuck, good = request_copy(shop.order()), request_copy(shop.order())
    batch = make_batch([stuck, good])
    refuse("UPDATE ON order_factories", f"NEW.id = {stuck}")

    still_stuck = copy_batch(batch)

    assert still_stuck == [stuck]
    assert [result.status for result in read_results([stuck, good])] == ["pending", "completed"]
    assert is_nothing_half_written(shop, read_results([stuck, good]))


def test_a_source_that_changes_during_the_copy_is_copied_again(shop):
    source = shop.order()
    factory = request_copy(source)
    batch = make_batch([factory])

    def add_a_line(db, _batch):
        line = {"order_id": source, "sku_code": "MUG", "quantity": 1, "total_amount_cents": 1}
        return db.execute(insert(LineItem).values(line)).rowcount

    with insert_step(add_a_line, at=1), pytest.raises(TryAgain):
        copy_batch(batch)

    assert [result.status for result in read_results([factory])] == ["pending"]
    assert copy_batch(batch) == []
    assert [result.status for result in read_results([factory])] == ["completed"]


def test_two_factories_of_one_source_make_two_orders(shop):
    source = shop.order(lines=[("MUG", 1, 12_50), ("CAP", 2, 9_00)])

    first, second = copy(source, source)

    stuck = [
        sorted((line.copied_from_id, line.quantity) for line in shop.rows(LineItem, order_id=order))
        for order in (source, target_of(first), target_of(second))
    ]
    originals = [line.id for line in shop.rows(LineItem, order_id=source)]
    assert stuck[1] == stuck[2] == [(originals[0], 1), (originals[1], 2)]


def test_an_order_that_a_trigger_skips_fails_alone_without_lines(shop):
    valid, left_out = shop.order(), shop.order(market_name="Nowhere")
    leave_out("INSERT ON orders", "NEW.market_name = 'Nowhere'")

    copied, failed = copy(valid, left_out)

    assert copied.status == "completed"
    assert failed.errors_log == {
        "target_order": ["could not be copied: the database did not keep the target order"]
    }
    assert failed.target_order is None
    assert is_nothing_half_written(shop, [copied, failed])


def test_a_copy_can_be_copied(shop):
    source = shop.order(lines=[("MUG", 1, 12_50)])

    second = copy_one(target_of(copy_one(source)))

    assert (second.status, second.errors_log) == ("completed", None)
    assert shop.row(Order, id=target_of(second)).total_amount_cents == 12_50


def refuse(when, condition):
    """Let the database refuse rows, with a message that quotes what it should not."""
    detail = f"no row for {SECRET}"
    before(
        when, condition, sqlite=f"RAISE(ABORT, '{detail}')", postgres=f"RAISE EXCEPTION '{detail}'"
    )


def leave_out(when, condition):
    """Let the database pass over rows without a word."""
    before(when, condition, sqlite="RAISE(IGNORE)", postgres="RETURN NULL")


def before(when, condition, *, sqlite, postgres):
    """A trigger of the shop's own."""
    with begin() as db:
        if db.dialect.name == "sqlite":
            statements = [
                f"CREATE TRIGGER own BEFORE {when} WHEN {condition} BEGIN SELECT {sqlite}; END"
            ]
        else:
            statements = [
                (
                    "CREATE FUNCTION own() RETURNS trigger LANGUAGE plpgsql "
                    f"AS $$ BEGIN {postgres}; END $$"
                ),
                (
                    f"CREATE TRIGGER own BEFORE {when} FOR EACH ROW "
                    f"WHEN ({condition}) EXECUTE FUNCTION own()"
                ),
            ]
        for statement in statements:
            db.execute(text(statement))


def refuse_lines_of(sku_code):
    refuse("INSERT ON line_items", f"NEW.sku_code = '{sku_code}'")


def give_up(_db, _batch, _factory_id, failure, *_how):
    raise failure


def is_nothing_half_written(shop, ended):
    """Whether each valid factory has its one whole order, and there are no other copies."""
    made = {factory_of(result): target_of(result) for result in ended if result.target_order}
    orders = {order.order_factory_id: order for order in shop.rows(Order) if order.order_factory_id}
    lines = [line for line in shop.rows(LineItem) if line.copied_from_id]
    sources = {row.id: row.source_order_id for row in shop.rows(OrderFactory)}
    whole = all(
        len(shop.rows(LineItem, order_id=order))
        == len(shop.rows(LineItem, order_id=sources[factory]))
        for factory, order in made.items()
    )
    return (
        whole
        and {factory: order.id for factory, order in orders.items()} == made
        and {line.order_id for line in lines} == set(made.values())
        and {error.order_factory_id for error in shop.rows(CopyError)}
        == {factory_of(result) for result in ended if result.errors_count}
    )
