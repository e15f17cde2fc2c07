"""What a run that Prefect starts says about parameters that its flow does not know."""

from typing import Any

import pytest
from prefect.flow_engine import run_flow

from order_factory.flows.place_orders import place_orders
from order_factory.models.errors import InvalidRequest


@pytest.mark.usefixtures("prefect", "shop")
@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
def test_an_unknown_parameter_fails_the_run_in_a_sentence(caplog):
    state: Any = run_flow(place_orders, parameters={"ordres": "1001"}, return_type="state")

    assert state.is_failed()
    assert "unknown parameters: ordres. The flow has: orders, orders_where" in state.message
    assert "Traceback" not in caplog.text
    with pytest.raises(InvalidRequest):
        state.result()
