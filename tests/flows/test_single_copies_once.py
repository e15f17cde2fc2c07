"""A single copy that is requested again by its name: one order and one charge."""

import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest

from order_factory.flows.order_factory import order_factory
from order_factory.flows.sweep_order_factories import sweep_order_factories
from order_factory.models.database.engine import get_engine
from order_factory.models.errors import CopyDiffers, InvalidRequest, PaymentUnknown
from order_factory.models.results.copies import OrderFactoryFailed
from order_factory.models.tables import Order, OrderFactory, PaymentSource
from order_factory.tasks.authorize_payments import _Till
from tests.support.at_once import run_together
from tests.support.copying import change
from tests.support.crashes.forked import ForkedProcess
from tests.support.crashes.lost_answers import run_losing_proxy
from tests.support.paying import make_payable_order
from tests.support.verifying import find_violations

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect", "ledger")]
NAMES = [{"reference": "buy-0"}, {"idempotency_key": "buy-0"}]


def targets(shop):
    return [row for row in shop.rows(Order) if row.order_factory_id is not None]


def assert_one_order_and_one_charge(shop, ledger):
    assert [row.status for row in shop.rows(OrderFactory)] == ["completed"]
    assert [order.status for order in targets(shop)] == ["placed"]
    assert ledger.charges() == [("authorize", 12_50)]
    assert find_violations() == []


@pytest.mark.parametrize("name", NAMES, ids=str)
def test_a_second_call_finds_the_first_copy_and_says_so(shop, ledger, name):
    number = shop.number_of(make_payable_order(shop))

    first = order_factory(number, place_target_order=True, **name)
    state = order_factory(number, place_target_order=True, **name, return_state=True)

    second = state.result()
    assert (first.made_before, second.made_before) == (False, True)
    assert second.id == first.id
    assert "is not copied twice (again=True or --again makes another copy)" in str(state.message)
    assert_one_order_and_one_charge(shop, ledger)


def test_another_copy_is_made_on_purpose(shop):
    number = shop.number_of(make_payable_order(shop))
    first = order_factory(number, reference="buy-0")

    second = order_factory(number, reference="buy-0", again=True)
    third = order_factory(number, reference="buy-0")

    assert (second.id != first.id, third.id == first.id) == (True, True)
    assert len(targets(shop)) == 2


def test_a_reference_names_a_copy_of_its_own_order_only(shop):
    numbers = [shop.number_of(shop.order()) for _ in range(2)]

    copies = [order_factory(number, reference="buy-0") for number in numbers]

    assert [copy.made_before for copy in copies] == [False, False]
    assert len(targets(shop)) == 2


def test_a_second_call_finds_a_failed_copy_and_says_how_to_retry_it(shop):
    source = shop.order(billing_address_id=None)
    number = shop.number_of(source)
    with pytest.raises(OrderFactoryFailed):
        order_factory(number, reference="buy-0")
    change(Order, source, billing_address_id=shop.address())

    with pytest.raises(OrderFactoryFailed, match="again makes another copy"):
        order_factory(number, reference="buy-0")
    result = order_factory(number, reference="buy-0", again=True)

    assert result.status == "completed"


@pytest.mark.parametrize(
    ("then", "detail"),
    [
        ({"place_target_order": True}, "with place_target_order=False"),
        ({"source_order": "other"}, "for order "),
    ],
    ids=str,
)
def test_an_idempotency_key_of_another_call_is_refused(shop, then, detail):
    shop.order(number="mine")
    shop.order(number="other")
    order_factory("mine", idempotency_key="buy-0")

    with pytest.raises(CopyDiffers, match=f"under the idempotency key 'buy-0', but {detail}"):
        order_factory(**{"source_order": "mine", "idempotency_key": "buy-0"} | then)

    assert len(shop.rows(OrderFactory)) == 1


def test_an_idempotency_key_together_with_again_is_refused(shop):
    shop.order(number="mine")

    with pytest.raises(InvalidRequest, match="Do not combine it with idempotency_key"):
        order_factory("mine", idempotency_key="buy-0", again=True)

    assert shop.rows(OrderFactory) == []


@pytest.mark.parametrize("name", NAMES, ids=str)
def test_two_calls_at_once_make_one_copy(shop, ledger, name):
    number = shop.number_of(make_payable_order(shop))

    def call():
        return order_factory(number, place_target_order=True, **name, return_state=True)

    run_together(call, call)
    order_factory(number, place_target_order=True, **name)

    assert_one_order_and_one_charge(shop, ledger)


def test_a_call_repeated_during_a_gateway_outage_pays_once(shop, ledger):
    number = shop.number_of(make_payable_order(shop, "tok_unreachable"))
    for _ in range(2):
        with pytest.raises(PaymentUnknown):
            order_factory(number, place_target_order=True, reference="buy-0")
    saved = [row.id for row in shop.rows(PaymentSource)]
    change(PaymentSource, saved, payment_source_token="tok_approve")

    order_factory(number, place_target_order=True, reference="buy-0")

    assert_one_order_and_one_charge(shop, ledger)


def die(*_args, **_given):
    os.kill(os.getpid(), signal.SIGKILL)


# What the process calls when it is killed. The package has a flow of the module's name.
FLOW_MODULE = sys.modules[order_factory.fn.__module__]
KILLED = {
    "recorded": (FLOW_MODULE, "copy_order"),
    "copied": (FLOW_MODULE, "authorize_payments"),
    "charged": (_Till, "_record"),
}


def copy_until(stage, number):
    setattr(*KILLED[stage], die)
    order_factory(number, place_target_order=True, reference="buy-0")


@pytest.mark.parametrize("stage", KILLED)
def test_a_killed_call_is_finished_by_the_same_call_or_a_sweep(shop, ledger, stage):
    number = shop.number_of(make_payable_order(shop))

    killed = ForkedProcess(copy_until, stage, number)
    killed.join()

    assert killed.exitcode == -signal.SIGKILL
    assert find_violations() == []

    order_factory(number, place_target_order=True, reference="buy-0")
    sweep_order_factories(quiet_minutes=0)

    assert_one_order_and_one_charge(shop, ledger)


@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
@pytest.mark.parametrize("nth", range(1, 12))
def test_a_lost_answer_to_a_commit_copies_once(shop, ledger, monkeypatch, nth):
    number = shop.number_of(make_payable_order(shop))
    url = get_engine().url
    # A Unix socket has a short path.
    with (
        tempfile.TemporaryDirectory() as folder,
        run_losing_proxy(Path(str(url.query["host"])), Path(folder), nth) as proxy,
        monkeypatch.context() as patched,
    ):
        through = url.update_query_dict({"host": folder}).render_as_string(hide_password=False)
        patched.setenv("ORDER_FACTORY_DATABASE_URL", through)
        result = order_factory(number, place_target_order=True, reference="buy-0")
        get_engine().dispose()
    again = order_factory(number, place_target_order=True, reference="buy-0")

    assert proxy.has_lost or nth > 8, "the flow has fewer commits; lose another one"
    assert (result.status, result.made_before, again.id) == ("completed", False, result.id)
    assert_one_order_and_one_charge(shop, ledger)
