"""The log of a worker has no stack trace of an expected failure."""

import logging

import pytest

from order_factory.flows.support.quiet_failures import hide_expected_stack_traces
from order_factory.models.errors import InvalidRequest


@pytest.mark.parametrize(
    ("error", "lines"), [(InvalidRequest("the number is wrong"), 0), (ValueError("a fault"), 1)]
)
def test_only_unexpected_failures_have_a_stack_trace(caplog, error, lines):
    hide_expected_stack_traces()

    try:
        raise error
    except Exception:
        logging.getLogger("prefect.flow_runs").exception("Execution exited")

    assert len({record.exc_info[1] for record in caplog.records}) == lines
