"""The OpenAPI document: the service answers any request as the document says."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from order_factory.api.documentation.openapi import build_openapi_document
from tests.support.api_client import make_order_id

pytestmark = pytest.mark.slow

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]
ROUNDS = settings(
    max_examples=3,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)


# The service's threads draw random numbers while Hypothesis looks whether anyone does.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
def test_every_operation_answers_as_the_document_says(api, shop):
    schema = schemathesis.openapi.from_dict(build_openapi_document())
    # Something for the lists to show.
    key = shop.order(mode="test", customer_id=shop.customer(mode="test"))
    api.copy(make_order_id(key))
    headers = {"Authorization": f"Bearer {api.token}"}
    base_url = str(api.client.base_url)
    count = 0

    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]

        @ROUNDS
        @given(operation.as_strategy())
        def answers(case):
            case.call_and_validate(base_url=base_url, headers=headers, checks=CHECKS)

        answers()
        count += 1

    assert count == sum(
        len(path.keys() - {"parameters"}) for path in build_openapi_document()["paths"].values()
    )


def test_the_document_and_the_page_need_a_token(api):
    document = api.send("GET", "openapi.json")
    page = api.client.get("/api/docs", auth=("anyone", api.token))

    assert document.json() == build_openapi_document()
    assert page.status_code == 200
    assert "order_copies" in page.text
    assert "<script" not in page.text
