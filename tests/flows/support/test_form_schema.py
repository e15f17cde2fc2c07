"""The forms that Prefect makes of the flows' parameters."""

import pytest
from prefect.utilities.callables import parameter_schema
from pydantic import TypeAdapter

from order_factory.flows.bulk_order_factory import bulk_order_factory
from order_factory.flows.cancel_orders import cancel_orders
from order_factory.flows.capture_orders import capture_orders
from order_factory.flows.copy_part import copy_part
from order_factory.flows.drain_order_factories import drain_order_factories
from order_factory.flows.import_orders import import_orders
from order_factory.flows.order_factory import order_factory
from order_factory.flows.place_orders import place_orders
from order_factory.flows.refund_orders import refund_orders
from order_factory.flows.sweep_order_factories import sweep_order_factories
from order_factory.models.requests.order_filters import FormFilter, OrderFilter

FLOWS = (
    bulk_order_factory,
    cancel_orders,
    capture_orders,
    copy_part,
    drain_order_factories,
    import_orders,
    order_factory,
    place_orders,
    refund_orders,
    sweep_order_factories,
)


def fields(flow):
    schema = parameter_schema(flow)
    forms = [
        schema.properties,
        *(message.get("properties", {}) for message in schema.definitions.values()),
    ]
    return [field for form in forms for field in form.values()]


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_every_field_has_a_description(flow):
    assert [field for field in fields(flow) if not field.get("description")] == []


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_an_optional_parameter_is_a_field_that_may_stay_empty(flow):
    assert [field["title"] for field in fields(flow) if "anyOf" in field] == []
    assert [f["title"] for f in fields(flow) if f.get("default", "") is None] == []


def test_a_filter_that_nobody_filled_in_is_no_filter():
    """Prefect's form sends the defaults of its fields."""
    given = TypeAdapter(FormFilter)
    untouched = {"status": ["placed", "approved"], "mode": "live", "include_copies": False}

    assert given.validate_python({}) is given.validate_python(untouched) is None
    assert given.validate_python(untouched | {"mode": "test"}) == OrderFilter(mode="test")
    assert given.validate_python(OrderFilter()) == OrderFilter()


def test_a_form_has_pickers_for_times_and_choices():
    schema = parameter_schema(bulk_order_factory)
    fitting = schema.definitions["OrderFilter"]["properties"]

    assert fitting["placed_from"]["format"] == "date-time"
    assert fitting["status"]["items"] == {"$ref": "#/definitions/OrderStatus"}
    assert schema.properties["failed_of"]["title"] == "Failed of"


def test_a_form_has_plain_text_fields_only():
    bulk = parameter_schema(bulk_order_factory).properties
    single = parameter_schema(order_factory).properties

    assert (bulk["orders"]["type"], single["metadata"]["type"]) == ("string", "string")
    assert not {"runner", "dask_address", "workers", "batch_size"} & set(bulk)
    assert next(iter(bulk)) == "orders"
