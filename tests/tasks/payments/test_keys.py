"""Idempotency keys are derived from the order and its payment: two databases of a shop pay once."""

from datetime import timedelta

import pandas as pd

from order_factory.models.database.engine import begin
from order_factory.models.database.identity import adopt_place
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.tables import Transaction
from tests.support.clones import clone, use_database
from tests.support.copying import authorize, copy_batch, find_or_record
from tests.support.paying import make_payable_order, place
from tests.support.subscriptions import START, run_due, subscribe

PLACED = CopyOptions(place_target_order=True)


def night(shop, sources):
    rows = [(shop.number_of(source), f"row {nth}") for nth, source in enumerate(sources)]
    frame = pd.DataFrame(rows, columns=["source_order", "reference"])
    batch = find_or_record("night", PLACED, frame)
    assert copy_batch(batch) == []
    authorize(batch)


def test_a_batch_on_the_original_and_on_a_restored_backup_is_paid_once(shop, ledger, tmp_path):
    sources = [make_payable_order(shop) for _ in range(3)]
    sources.append(sources[0])  # copied twice on purpose, and so paid twice

    with clone(tmp_path) as backup:
        night(shop, sources)
        with use_database(backup, adopted=True):
            place(make_payable_order(shop))  # so that the numbers of the rows are others
            night(shop, sources)

    assert ledger.charges() == [("authorize", 12_50)] * (4 + 1)
    assert ledger.repeats() == 4


def test_a_renewal_on_the_original_and_on_a_restored_backup_is_paid_once(shop, ledger, tmp_path):
    subscribe(
        shop, make_payable_order(shop), frequency="daily", status="active", place_target_order=True
    )
    moment = START + timedelta(days=2, hours=1)

    with clone(tmp_path) as backup:
        run_due(moment)
        with use_database(backup, adopted=True):
            place(make_payable_order(shop))
            run_due(moment)

    assert ledger.charges() == [("authorize", 12_50)] * 2
    assert ledger.repeats() == 1


def test_another_shop_with_the_same_account_pays_by_keys_of_its_own(shop, ledger, tmp_path):
    sources = [make_payable_order(shop)]

    with clone(tmp_path) as other:
        night(shop, sources)
        with use_database(other):
            with begin() as db:
                adopt_place(db, new_id=True)
            night(shop, sources)

    assert ledger.charges() == [("authorize", 12_50)] * 2
    assert ledger.repeats() == 0


def test_the_idempotency_keys_contain_no_order_ids(shop, ledger):
    place(make_payable_order(shop), make_payable_order(shop))

    keys = {row.idempotency_key for row in shop.rows(Transaction)}
    assert len(keys) == 2
    assert all(key.startswith("order-factory-") and len(key) == 54 for key in keys)
