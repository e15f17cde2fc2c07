"""`order-factory subscriptions`."""

from datetime import timedelta

import pytest

from order_factory.models.tables import LineItem, OrderFactory, OrderSubscription
from order_factory.models.tables.base import utc_now
from tests.support.copying import change
from tests.support.crashes.lost_answers import connect_through_proxy
from tests.support.subscriptions import make_placeable_order, subscribe


def test_a_subscription_goes_through_all_of_its_statuses(shop, run):
    number = shop.number_of(make_placeable_order(shop))

    made = run(
        *("subscriptions", "create", number, "--frequency", "0 9 * * MON", "--json"),
        *("--time-zone", "Europe/Rome", "--retry-after", "1d,3d", "--reference", "mine"),
    )
    name = made.json["number"]
    outputs = [run("subscriptions", verb, name) for verb in ("deactivate", "activate", "cancel")]
    refused = run("subscriptions", "activate", name)
    listed = run("subscriptions", "list", "--status", "cancelled")

    assert made.code == 0
    assert {key: made.json[key] for key in ("status", "frequency", "retry_after", "reference")} == {
        "status": "active",
        "frequency": "0 9 * * MON",
        "retry_after": "1d 3d",
        "reference": "mine",
    }
    assert [(output.code, output.err) for output in outputs] == [(0, "")] * 3
    assert refused.code == 2
    assert refused.err == "Error: cannot transition from cancelled to active\n"
    assert listed.out.splitlines()[2].split()[:2] == [name, "cancelled"]
    assert listed.out.splitlines()[-1] == "Order subscriptions 1 to 1 of 1, newest first."
    assert "@" not in listed.out + made.out


def test_a_first_copy_that_would_fail_is_reported(shop, run):
    shop.sku("RARE", stock=0)
    lines = [("RARE", 1, 12_50)]
    numbers = [
        shop.number_of(make_placeable_order(shop, lines=lines)),
        shop.number_of(make_placeable_order(shop)),
    ]

    failing, sound = (run("subscriptions", "create", each, "--frequency=daily") for each in numbers)

    assert (failing.code, sound.code, sound.err) == (0, 0, "")
    assert failing.err.startswith("Warning: the first copy would fail if it were made now:\n")
    assert "SKU RARE: 1 wanted, 0 in stock" in failing.err
    assert shop.rows(OrderFactory) == []
    assert [row.status for row in shop.rows(OrderSubscription)] == ["active", "active"]


@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
def test_a_subscription_is_created_once_if_the_commit_is_not_answered(shop, run, monkeypatch):
    number = shop.number_of(make_placeable_order(shop))

    with connect_through_proxy(monkeypatch) as proxy:
        proxy.lose_next()
        made = run("subscriptions", "create", number, "--frequency", "monthly", "--json")
        lost = proxy.has_lost

    assert (lost, made.code) == (True, 0)
    assert [row.number for row in shop.rows(OrderSubscription)] == [made.json["number"]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--frequency", "* * * * *"], "--frequency must be at most once an hour."),
        (["--frequency", "daily", "--time-zone", "Rome"], "--time-zone must be an IANA time zone"),
        (["--frequency", "daily", "--starts-at", "soon"], "--starts-at Input should be a valid"),
        (
            ["--frequency", "daily", "--expires-at", "2020-01-01T00:00:00Z"],
            "expires_at must be after starts_at, which is now unless it is given.",
        ),
        (["--frequency", "weekly", "--convert"], "The source order has no line item with the"),
    ],
)
def test_invalid_options_are_refused_and_nothing_is_created(shop, run, options, message):
    order = make_placeable_order(shop)
    change_frequencies(shop, "monthly")

    output = run("subscriptions", "create", shop.number_of(order), *options)

    assert output.code == 2
    assert output.err.startswith(f"Error: {message}")
    assert shop.rows(OrderSubscription) == []


def change_frequencies(shop, frequency):
    change(LineItem, [row.id for row in shop.rows(LineItem)], frequency=frequency)


def test_an_unknown_one_is_reported(shop, run):
    output = run("subscriptions", "show", "S1", "--json")

    assert output.code == 2
    assert output.json["error"]["code"] == "order_subscription_not_found"


def test_due_orders_are_copied_and_shown(shop, run, prefect):
    shop.sku("RARE", stock=0)
    key = subscribe(
        shop,
        make_placeable_order(shop, lines=[("RARE", 1, 12_50)]),
        frequency="daily",
        at=utc_now(),
    )
    change(OrderSubscription, key, next_run_at=utc_now())
    name = shop.row(OrderSubscription).number

    ahead = run("subscriptions", "preview", "--days", "2")
    ran = run("subscriptions", "run")
    shown = run("subscriptions", "show", name)
    again = run("subscriptions", "run", "--json")

    assert ahead.code == 0
    assert "1 of them would fail today" in ahead.out
    assert (ran.code, again.code) == (1, 0)
    assert ran.out.startswith("0 copies made, 1 failed, subscriptions: 1.")
    assert "SKU RARE: 1 wanted, 0 in stock" in shown.out
    assert again.json["batches"] == []
    assert shop.row(OrderFactory).status == "failed"


@pytest.mark.usefixtures("prefect")
def test_the_message_for_one_copy_is_singular(shop, run):
    key = subscribe(shop, make_placeable_order(shop), frequency="daily", at=utc_now())
    change(OrderSubscription, key, next_run_at=utc_now())

    ran = run("subscriptions", "run")

    assert ran.out.startswith("1 copy made, 0 failed, subscriptions: 1.")


def test_the_list_warns_of_overdue_renewals(shop, run):
    key = subscribe(shop, frequency="daily")
    change(OrderSubscription, key, next_run_at=utc_now() - timedelta(hours=5))

    output = run("subscriptions", "list")

    assert "overdue since" in output.out
    assert "Overdue since " in output.out
