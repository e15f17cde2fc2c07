"""Flow runs that lose their process or their whole worker before the end of a batch."""

import pytest
from prefect.client.schemas.objects import StateType

from order_factory.models.database.engine import begin
from order_factory.models.tables import OrderFactory, OrderFactoryBatch
from tests.support.verifying import find_violations
from tests.support.waiting import wait_for
from tests.system.conftest import begin_deployment

pytestmark = pytest.mark.slow

# Each is copied in one transaction of some seconds, in which the process is killed.
ORDERS = 60


@pytest.fixture
def night(shop):
    """The numbers of some orders, as a person types them."""
    batches = shop.rows(OrderFactoryBatch)
    return ", ".join(
        shop.number_of(shop.order(number=f"{len(batches)}-{number}")) for number in range(ORDERS)
    )


def statuses(shop, reference):
    (batch,) = shop.rows(OrderFactoryBatch, reference=reference)
    return {row.status for row in shop.rows(OrderFactory, batch_id=batch.id)}


def kill_in_the_middle(system, shop, reference, orders, *, with_worker=False):
    """Start a batch, and kill while only this process can write; returns the id of the flow run."""
    given = {"orders": orders, "reference": reference, "batch_size": 1}
    run = begin_deployment("bulk-order-factory/bulk", parameters=given, timeout=0)
    worker = system.part("worker")

    def kill_once_it_has_begun():
        with begin():
            if not shop.rows(OrderFactoryBatch, reference=reference):
                return False
            if "completed" not in statuses(shop, reference):
                return False
            assert "pending" in statuses(shop, reference), "it was killed too late"
            for process in worker.children(recursive=True):
                process.kill()
            if with_worker:
                worker.kill()
            return True

    wait_for(kill_once_it_has_begun, "the first copy")
    return run.id


def test_a_batch_whose_process_is_killed_is_taken_over(system, shop, client, night):
    run = kill_in_the_middle(system, shop, "process killed", night)

    wait_for(lambda: statuses(shop, "process killed") == {"completed"}, "the takeover")

    (batch,) = shop.rows(OrderFactoryBatch, reference="process killed")
    assert client.read_flow_run(run).state.type == StateType.CRASHED
    assert batch.flow_run_id != str(run)
    assert find_violations() == []


def test_a_batch_whose_worker_is_killed_is_taken_over_by_a_sweep(system, shop, client, night):
    run = kill_in_the_middle(system, shop, "worker killed", night, with_worker=True)

    swept = begin_deployment(
        "sweep-order-factories/sweep",
        parameters={"quiet_minutes": 0},
        timeout=300,
        poll_interval=0.5,
    )

    # The new worker ends the dead run and begins a sweep itself. Only one sweep runs at a time.
    assert swept.state is not None
    assert swept.state.type in (StateType.COMPLETED, StateType.CANCELLED)
    wait_for(lambda: statuses(shop, "worker killed") == {"completed"}, "the takeover")
    wait_for(lambda: client.read_flow_run(run).state.is_crashed(), "the end of the dead run")
    assert len(shop.rows(OrderFactory, batch_id=shop.rows(OrderFactoryBatch)[-1].id)) == ORDERS
    assert find_violations() == []
