"""Paying in tests: the ledger of the gateway `test`, and orders that it pays."""

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.support.copying import authorize, copy_batch, make_batch, read_results, request_copy
from tests.support.shop import Shop


class TestLedger:
    """The calls and charges of the gateway `test`, from all processes."""

    __test__ = False

    def __init__(self, file: Path) -> None:
        self.file = file

    def calls(self, kind: str | None = None) -> int:
        """The number of calls of this kind, or of all kinds."""
        kinds = Counter(kind for (kind,) in self._read_rows("SELECT kind FROM calls"))
        return kinds[kind] if kind else kinds.total()

    def charges(self) -> list[tuple[str, int]]:
        """The kind and amount in cents of each successful charge, in order."""
        rows = self._read_rows("SELECT kind, amount_cents FROM charges WHERE succeeded ORDER BY id")
        return [(kind, amount) for kind, amount in rows]

    def repeats(self) -> int:
        """The number of repeated requests for a charge that exists."""
        return sum(repeats for (repeats,) in self._read_rows("SELECT repeats FROM charges"))

    def _read_rows(self, query: str) -> list[Any]:
        """The rows; none before the gateway has made its tables."""
        if not self.file.exists():
            return []
        with closing(sqlite3.connect(self.file, timeout=60)) as db:
            tables = db.execute("SELECT name FROM sqlite_master WHERE name = 'charges'")
            return db.execute(query).fetchall() if tables.fetchall() else []


def make_payable_order(shop: Shop, token: str | None = "tok_approve", **values: Any) -> int:
    """Make an order with a card in its customer's wallet. Its gateway is `test`, unless given."""
    customer = shop.customer()
    card = {"gateway": values.pop("gateway", "test"), "payment_source_token": token}
    saved = shop.payment_source(wallet_of=customer, **card)
    return shop.order(**{"customer_id": customer, "payment_source_id": saved} | values)


def place(*orders: int, before: Callable[[], None] | None = None, **options: Any) -> list[Any]:
    """Copy these orders as one batch, place and pay the copies; returns the results."""
    factories = [request_copy(order, place_target_order=True, **options) for order in orders]
    batch = make_batch(factories)
    assert copy_batch(batch) == []
    if before is not None:
        before()
    authorize(batch)
    return read_results(factories)
