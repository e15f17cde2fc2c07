"""The pages that a merchant sees, in a browser. ORDER_FACTORY_SCREENSHOTS=1 renews docs/images."""

import os
import shutil
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

from order_factory.flows.bulk_order_factory import bulk_order_factory
from order_factory.flows.order_factory import order_factory
from order_factory.models.tables import OrderFactory, OrderFactoryBatch
from tests.support.api_client import make_token
from tests.support.waiting import wait_for

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
IMAGES = Path(__file__).parents[2] / "docs" / "images"
SECONDS = 120_000

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")]


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def take(browser, tmp_path):
    """Open a page, wait for a text on it, and save a picture."""
    folder = IMAGES if os.environ.get("ORDER_FACTORY_SCREENSHOTS") else tmp_path
    folder.mkdir(parents=True, exist_ok=True)

    def take(name, url, text, *, height=800, token=None, click=None):
        page = browser.new_page(
            viewport={"width": 1100, "height": height},
            color_scheme="light",
            http_credentials={"username": "token", "password": token} if token else None,
        )
        page.goto(url)
        if click:
            page.get_by_text(click, exact=True).first.click(timeout=SECONDS)
        page.get_by_text(text).first.wait_for(timeout=SECONDS)
        page.wait_for_timeout(1_500)
        page.screenshot(path=folder / f"{name}.png")
        shown = page.inner_text("body")
        page.close()
        return shown

    return take


@pytest.fixture
def bulk_run(system, shop, monkeypatch):
    """The flow run of a batch of forty orders. Three of them cannot be copied."""
    api = system.document["api"].removesuffix("/api")
    monkeypatch.setenv("ORDER_FACTORY_API_PUBLIC_URL", api)
    numbers = [shop.number_of(shop.order(number=f"31198{n:06}")) for n in range(40)]
    for number in numbers[7:28:10]:
        order = shop.order(number=f"{number}9", lines=[("MUG", 0, 12_50)])
        numbers.append(shop.number_of(order))
    bulk_order_factory(numbers, reference="weekly baskets")
    (batch,) = shop.rows(OrderFactoryBatch, reference="weekly baskets")
    return UUID(batch.flow_run_id)


def test_the_pages_of_a_merchant_can_be_opened(system, shop, client, bulk_run, take):
    ui, forms = system.document["ui"], {}
    order_factory("31198000003", reference="again")
    of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[bulk_run]))
    matching = client.read_artifacts(artifact_filter=of_run)
    (summary,) = [a.id for a in matching if a.key == "bulk-order-factory-summary"]

    for name in ("order-factory/copy", "bulk-order-factory/nightly"):
        key = client.read_deployment_by_name(name).id
        file = f"form-{name.split('/')[1]}"
        url = f"{ui}/deployments/deployment/{key}/run"
        forms[name] = take(file, url, "Validate parameters", height=1_500)
    run = take("run", f"{ui}/runs/flow-run/{bulk_run}", "copy batch 1", click="Task Runs")
    start = take("deployments", f"{ui}/deployments?deployments.tags.name=merchant", "nightly")
    artifacts = take("artifacts", f"{ui}/artifacts/artifact/{summary}", "What was wrong")
    docs = take("api-docs", system.document["docs"], "order_copies", token=make_token())

    assert "Number or public id of the order to copy." in forms["order-factory/copy"]
    assert 'Property is type "None"' not in forms["order-factory/copy"]
    assert "Dask" not in forms["bulk-order-factory/nightly"]
    assert "Orders with one of these statuses" in forms["bulk-order-factory/nightly"]
    assert "outcome:completed with errors" in run
    assert "40 of 43 orders copied" in artifacts
    assert "Download: html, csv, parquet, xlsx" in artifacts
    assert "7 Deployments" in start
    assert "sweep" not in start
    assert "order_factories" in docs


def test_a_merchant_fills_in_the_form(system, shop, client, browser):
    order = shop.order(number="31198570044")
    key = client.read_deployment_by_name("order-factory/copy").id
    page = browser.new_page()

    page.goto(f"{system.document['ui']}/deployments/deployment/{key}/run")
    field = page.locator("textarea").first
    field.wait_for(timeout=SECONDS)
    field.fill("31198570044")
    page.get_by_role("button", name="Submit").click()

    wait_for(lambda: shop.rows(OrderFactory, source_order_id=order, status="completed"), "the copy")
