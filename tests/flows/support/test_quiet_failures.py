"""The log of a worker has no stack trace of an expected failure."""

import logging

import pytest

from order_factory.flows.support.quiet_failures import quieten_failures
from order_factory.models.errors import InvalidRequest


@pytest.mark.parametrize(
    ("error", "lines"), [(InvalidRequest("the number is wrong"), 0), (ValueError("a fault"), 1)]
)
def test_only_unexpected_failures_have_a_stack_trace(caplog, error, lines):
    quieten_failures()
    logger = logging.getLogger("prefect.flow_runs")
    logger.addHandler(caplog.handler)
    try:
        raise error
    except Exception:
        logger.error("Engine execution exited with unexpected exception", exc_info=True)
    finally:
        logger.removeHandler(caplog.handler)

    assert len(caplog.records) == lines
