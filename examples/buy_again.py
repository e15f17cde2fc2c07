"""Buy again from a web shop: the shop's server requests a copy over HTTP and waits for it.

    ORDER_FACTORY_URL=http://127.0.0.1:8000 ORDER_FACTORY_TOKEN=... python examples/buy_again.py 1001

The idempotency key identifies the customer's click. A second click, a reload or a retry after a lost
answer sends the same key and gets the same copy, not a second order.
"""

import os
import sys
import time

import httpx

JSON_API = "application/vnd.api+json"


def buy_again(shop: httpx.Client, number: str, click: str) -> dict[str, object]:
    """Return the attributes of the order factory when it is completed or failed."""
    found = shop.get("/api/orders", params={"filter[q][number_eq]": number}).json()["data"]
    if not found:
        raise SystemExit(f"There is no order {number} in the mode of this token.")
    source_order = {"data": {"type": "orders", "id": found[0]["id"]}}
    document = {
        "data": {
            "type": "order_copies",
            "attributes": {"place_target_order": True, "reference": click},
            "relationships": {"source_order": source_order},
        }
    }
    answer = shop.post("/api/order_copies", json=document, headers={"Idempotency-Key": click})
    answer.raise_for_status()
    path = f"/api/order_copies/{answer.json()['data']['id']}"
    for _ in range(300):
        attributes: dict[str, object] = shop.get(path).json()["data"]["attributes"]
        if attributes["status"] in ("completed", "failed"):
            return attributes
        time.sleep(0.1)
    raise SystemExit("The copy is recorded, but it is not made yet. Try again later.")


def main() -> None:
    headers = {
        "Authorization": f"Bearer {os.environ['ORDER_FACTORY_TOKEN']}",
        "Accept": JSON_API,
        "Content-Type": JSON_API,
    }
    url = os.environ.get("ORDER_FACTORY_URL", "http://127.0.0.1:8000")
    with httpx.Client(base_url=url, headers=headers) as shop:
        ended = buy_again(shop, sys.argv[1], click=f"buy-again-{sys.argv[1]}")
    print(ended["status"], ended["errors_log"] or "")


if __name__ == "__main__":
    main()
