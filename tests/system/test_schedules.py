"""The schedules of prefect.yaml, on the server of a running system."""

from datetime import timedelta

import pytest
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType

from order_factory.models.tables.base import utc_now
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow

AHEAD = FlowRunFilter(
    state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED]))
)


def list_planned_times(client, name):
    """The start times of a deployment's scheduled runs."""
    key = client.read_deployment_by_name(name).id
    of_it = DeploymentFilter(id=DeploymentFilterId(any_=[key]))
    runs = client.read_flow_runs(flow_run_filter=AHEAD, deployment_filter=of_it)
    return sorted(run.expected_start_time for run in runs)


def test_only_active_schedules_have_planned_runs(client):
    hourly = wait_for(
        lambda: list_planned_times(client, "run-order-subscriptions/hourly"),
        "the runs of the next hours",
    )

    assert hourly[0] <= utc_now() + timedelta(hours=1)
    assert {(moment.minute, moment.second) for moment in hourly} == {(0, 0)}
    assert list_planned_times(client, "bulk-order-factory/nightly") == []
    assert list_planned_times(client, "sweep-order-factories/sweep") == []
