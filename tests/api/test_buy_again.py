"""examples/buy_again.py, a web shop's client, against the running service."""

import os
import subprocess
import sys

from order_factory.models.tables import OrderFactory
from tests.support.api_client import make_token, run_service
from tests.support.documents import ROOT


def test_two_calls_with_one_reference_make_one_order(shop, configure, prefect):
    customer = shop.customer()
    card = shop.payment_source(wallet_of=customer)
    order = shop.order(customer_id=customer, payment_source_id=card)
    configure.setenv("ORDER_FACTORY_API_DISPATCH", "true")

    with run_service() as port:
        settings = {
            "ORDER_FACTORY_URL": f"http://127.0.0.1:{port}",
            "ORDER_FACTORY_TOKEN": make_token("live"),
        }
        printed = [
            subprocess.run(
                [sys.executable, str(ROOT / "examples/buy_again.py"), shop.number_of(order)],
                env={**os.environ, **settings},
                capture_output=True,
                text=True,
                timeout=120,
                check=True,
            ).stdout
            for _ in range(2)
        ]

    assert printed == ["completed \n"] * 2
    assert len(shop.rows(OrderFactory)) == 1
