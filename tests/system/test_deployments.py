"""Every deployment of prefect.yaml, started as the UI starts it.

A worker runs some of them. Each of its runs is two new processes, which import everything. So the
others run in this process, loaded from their entrypoint as in such a process.
"""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect import Flow
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.flow_engine import run_flow
from prefect.flows import load_flow_from_entrypoint

from order_factory.cli.system.parts import POOL
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.tables import Order, OrderFactory, OrderFactoryBatch
from tests.support.api_client import MEDIA_TYPE, make_linkage, make_order_id, make_token
from tests.support.copying import find_or_record
from tests.support.subscriptions import make_placeable_order, read_subscription, subscribe_due
from tests.support.waiting import wait_for
from tests.system.conftest import begin_deployment

pytestmark = pytest.mark.slow


@pytest.fixture
def start(client):
    """Start deployments together; returns their flow runs by deployment, when all have ended.

    A run is cancelled while another one of its deployment runs, such as that of the schedule or the
    sweep that a worker starts. It is started again.
    """

    def start(**parameters):
        started = {name: begin(name, given) for name, given in parameters.items()}

        def read_ended():
            runs = {name: client.read_flow_run(key) for name, key in started.items()}
            cancelled = [name for name, run in runs.items() if run.state.is_cancelled()]
            started.update({name: begin(name, parameters[name]) for name in cancelled})
            final = all(run.state.is_final() for run in runs.values())
            return runs if final and not cancelled else None

        return wait_for(read_ended, f"the end of {', '.join(started)}")

    def begin(name, given):
        return begin_deployment(name, parameters=given, timeout=0).id

    return start


@pytest.fixture
def run_here(client):
    """Run deployments in this process, one after the other; returns their flow runs."""

    def run(name, given):
        key = begin_deployment(name, parameters=given, timeout=0).id
        flow_run = client.read_flow_run(key)
        entrypoint = client.read_deployment_by_name(name).entrypoint
        flow: Flow[..., Any] = load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
        run_flow(flow, flow_run=flow_run, return_type="state")
        return client.read_flow_run(key)

    def run_all(**parameters):
        client.update_work_pool(POOL, WorkPoolUpdate(is_paused=True))
        try:
            return {name: run(name, given) for name, given in parameters.items()}
        finally:
            client.update_work_pool(POOL, WorkPoolUpdate(is_paused=False))

    return run_all


def ask_for_a_copy(system, source):
    """Ask the HTTP service, as a client would."""
    parameters = {
        "type": "order_copies",
        "relationships": {"source_order": make_linkage("orders", source)},
    }
    answer = httpx.post(
        f"{system.document['api']}/order_copies",
        json={"data": parameters},
        headers={"Authorization": f"Bearer {make_token()}", "Content-Type": MEDIA_TYPE},
        trust_env=False,
    )
    assert answer.status_code == 201, answer.text


def test_each_deployment_does_what_its_form_asks(system, shop, start, run_here):
    logged = len(system.log.read_text())
    valid = shop.order(number="N1", lines=[("CAP", 2, 9_00)])
    invalid = shop.order(number="N2")
    shop.line(invalid, sku_code="GONE")
    shop.order(number="N3", lines=[("HAT", 1, 20_00)])
    source = make_order_id(shop.order_of_test_mode(number="T1"))
    Path("customers.csv").write_text("email,status\nada@example.com,acquired\n")
    find_or_record("parts", CopyOptions(), orders=["N3"])

    ask_for_a_copy(system, source)
    by_worker = start(
        **{
            "order-factory/copy": {
                "source_order": " N1 ",
                "reference": " again ",
                "metadata": '{"campaign": "spring"}',
            },
            "bulk-order-factory/bulk": {"orders": "N1, N2", "reference": "by hand"},
        }
    )
    first = run_here(
        **{
            "bulk-order-factory/nightly": {"orders_where": {"sku": "HAT"}, "dry_run": False},
            "copy-batch/part": {"batch": "parts"},
            "import-orders/import": {"path": "customers.csv"},
            "transfer-records/transfers": {},
            "export-records/export": {"resource": "orders", "path": "exported.csv"},
        }
    )
    shop.sku("GONE")
    renewed = subscribe_due(shop, make_placeable_order(shop))
    second = run_here(
        **{
            "bulk-order-factory/retry-failed": {"failed_of": "by hand", "reference": "retried"},
            "sweep-order-factories/sweep": {"quiet_minutes": 0},
            "deliver-webhooks/webhooks": {},
            "run-order-subscriptions/hourly": {},
            "bulk-order-factory/bulk": {"orders": ["N1"], "batch_size": "many"},
        }
    )
    mistyped = [second.pop("bulk-order-factory/bulk")]
    mistyped += start(
        **{"order-factory/copy": {"source_order": "N1", "metadata": "{campaign"}}
    ).values()
    drained = wait_for(
        lambda: [row for row in shop.rows(OrderFactory, mode="test") if row.completed_at],
        "the drain that the event starts",
    )

    ended = {name: (run.name, run.state.name) for name, run in (by_worker | first | second).items()}
    batches = {row.reference: row for row in shop.rows(OrderFactoryBatch)}
    (nightly,) = [name for name in batches if name.startswith("nightly-")]
    assert ended == {
        "order-factory/copy": ("copy order N1", "Completed"),
        "bulk-order-factory/bulk": ("copy batch by hand", "CompletedWithErrors"),
        "bulk-order-factory/nightly": ("copy a batch", "Completed"),
        "copy-batch/part": ("copy part 1 of batch parts", "Completed"),
        "import-orders/import": ("import orders", "Completed"),
        "transfer-records/transfers": ("run exports and imports", "Completed"),
        "export-records/export": ("export orders", "Completed"),
        "bulk-order-factory/retry-failed": ("copy batch retried", "Completed"),
        "sweep-order-factories/sweep": ("take over what was left", "Completed"),
        "deliver-webhooks/webhooks": ("deliver webhooks", "Completed"),
        "run-order-subscriptions/hourly": ("run order subscriptions", "Completed"),
    }
    assert [run.state.message for run in mistyped] == [
        "batch_size: Input should be a valid integer, unable to parse string as an integer",
        "metadata: is not valid JSON",
    ]
    assert "Engine execution exited" not in system.log.read_text()[logged:]
    (first_copy,) = shop.rows(OrderFactory, reference="again")
    assert first_copy.metadata == {"campaign": "spring"}
    assert {"by hand", "parts", "retried"} < set(batches)
    assert re.fullmatch(r"nightly-\d{8}-\d{6}-[0-9a-f]{8}", nightly)
    assert read_subscription(shop, renewed).occurrencies == 1
    assert [row.status for row in shop.rows(OrderFactory, source_order_id=valid)] == [
        "completed",
        "completed",
    ]
    assert [row.status for row in shop.rows(OrderFactory, source_order_id=invalid)] == [
        "failed",
        "completed",
    ]
    assert [row.status for row in drained] == ["completed"]
    assert set(by_worker["order-factory/copy"].tags) >= {
        "order:N1",
        "outcome:completed",
        "one order",
    }
    assert len(shop.rows(Order, status="pending")) == 6
