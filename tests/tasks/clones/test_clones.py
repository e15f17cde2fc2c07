"""A copy of a shop's database contacts nobody until it is adopted or made a test shop."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import make_url

from order_factory.models import tables
from order_factory.models.database.engine import begin, get_engine, reading
from order_factory.models.database.identity import adopt_place, explain_cut_off, shop_id
from order_factory.models.database.reclaiming_space import reclaim_space
from order_factory.models.errors import InvalidRequest
from order_factory.models.tables import (
    Address,
    ApiToken,
    Customer,
    Order,
    PaymentSource,
    Sku,
    Transaction,
)
from order_factory.models.tables.base import Base
from order_factory.tasks.clones.as_test import turn_into_test_shop
from order_factory.tasks.clones.masking import mask_personal_data
from tests.support.clones import clone, use_database
from tests.support.copying import authorize, copy_batch, make_batch, request_copy
from tests.support.mixed_shop import fill
from tests.support.paying import make_payable_order
from tests.support.verifying import find_violations

pytestmark = pytest.mark.slow


def cut_off():
    with reading() as db:
        return explain_cut_off(db)


def test_the_shop_itself_is_not_cut_off_after_a_restart_or_a_vacuum(shop):
    before = cut_off()
    get_engine().dispose()
    reclaim_space()
    get_engine().dispose()

    assert (before, cut_off()) == (None, None)


def test_a_copied_database_calls_no_gateway(shop, ledger, tmp_path):
    batch = make_batch([request_copy(make_payable_order(shop), place_target_order=True)])
    copy_batch(batch)

    with clone(tmp_path) as url, use_database(url):
        (problem,) = authorize(batch)
        statuses = [order.status for order in shop.rows(Order)]
        broken = find_violations()

    assert "run `order-factory adopt`" in problem
    assert (statuses, broken) == (["placed", "placing"], [])
    assert not ledger.file.exists()


def test_an_adopted_copy_is_the_same_shop(shop, ledger, tmp_path):
    with reading() as db:
        original = shop_id(db)
    batch = make_batch([request_copy(make_payable_order(shop), place_target_order=True)])
    copy_batch(batch)

    with clone(tmp_path) as url, use_database(url, adopted=True):
        problems = authorize(batch)
        with reading() as db:
            adopted = shop_id(db)

    assert (problems, adopted) == ([], original)
    assert ledger.charges() == [("authorize", 12_50)]


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
@pytest.mark.parametrize("transfer", [shutil.copy, shutil.move], ids=["copied", "moved"])
def test_a_file_that_was_copied_or_moved_is_noticed(shop, tmp_path, transfer):
    file = Path(get_engine().url.database or "")
    get_engine().dispose()
    backup = shutil.copy(file, tmp_path / "kept.db")
    transfer(file, tmp_path / "other.db")

    with use_database(f"sqlite:///{tmp_path / 'other.db'}"):
        reason = str(cut_off())
    if not file.exists():
        shutil.copy(backup, file)

    assert str(file.resolve()) in reason


def test_a_test_shop_has_no_live_rows_and_no_real_gateway(shop, ledger, tmp_path):
    fill(shop)
    shop.sku("BOTH")
    shop.sku("BOTH", mode="test")
    shop.add(ApiToken, handle="h", secret_digest="d", scopes="read write")
    real = shop.payment_source(
        gateway="stripe", payment_source_token="pm_real", customer_token="cus_real"
    )
    with reading() as db:
        original = shop_id(db)

    with clone(tmp_path) as url, use_database(url):
        with begin() as db:
            turn_into_test_shop(db)
            adopt_place(db, new_id=True)
        modes = {
            row.mode
            for model in map(tables.__dict__.get, tables.__all__)
            if "mode" in getattr(model, "__table__", Order.__table__).c
            for row in shop.rows(Order if model is Base else model)
        }
        source = shop.row(PaymentSource, id=real)
        gateways = {row.gateway for row in shop.rows(Transaction)}
        codes = [row.code for row in shop.rows(Sku) if row.code.startswith("BOTH")]
        with reading() as db:
            (own_id, reason) = shop_id(db), explain_cut_off(db)
        revoked = shop.row(ApiToken).revoked_at
        broken = find_violations()

    assert modes == {"test"}
    assert (source.gateway, source.customer_token) == ("test", None)
    assert source.payment_source_token == f"tok_{real}"
    assert gateways <= {"test", "manual"}
    assert len(codes) == len(set(codes)) == 2
    assert (own_id != original, reason, revoked is not None) == (True, None, True)
    assert broken == []


def test_masking_is_consistent_and_keeps_sums(shop, ledger, tmp_path):
    fill(shop)
    email = "someone.private@shop.example"
    customer = shop.customer(email=email)
    address = shop.address(first_name="Ada", phone="+39 1", email=email, metadata={"door": "left"})
    source = shop.order(customer_id=customer, customer_email=email, billing_address_id=address)

    with clone(tmp_path) as url, use_database(url):
        before = [(row.number, row.reference, row.total_amount_cents) for row in shop.rows(Order)]
        with begin() as db:
            mask_personal_data(db)
        reclaim_space()
        after = [(row.number, row.reference, row.total_amount_cents) for row in shop.rows(Order)]
        masked = shop.row(Customer, id=customer).email
        compared_by = shop.row(Customer, id=customer).email_key
        row = shop.row(Address, id=address)
        ordered = shop.row(Order, id=source).customer_email
        broken = find_violations()
        text = ""
        if make_url(url).get_backend_name() == "sqlite":
            get_engine().dispose()
            text = Path(make_url(url).database or "").read_bytes().decode("latin-1")

    assert before == after
    assert masked == compared_by == row.email == ordered
    assert masked.endswith("@masked.example")
    assert row.first_name.startswith("First ")
    assert "Ada" not in row.first_name
    assert (row.metadata, row.country_code) == (None, "IT")
    assert email not in text
    assert broken == []


def test_the_shop_itself_is_not_masked(shop):
    customer = shop.customer(email="someone@shop.example")
    shop.order(customer_id=customer)

    with pytest.raises(InvalidRequest, match="This database is the shop itself"), begin() as db:
        mask_personal_data(db)

    assert shop.row(Customer, id=customer).email == "someone@shop.example"
