"""Paying in tests: the gateway `test` with a ledger that can be read, and orders paid by it."""

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.support.copying import authorize, batch_of, copy_batch, request, results
from tests.support.shop import Shop


class TestLedger:
    """What the gateway `test` was asked and did, whoever asked."""

    __test__ = False

    def __init__(self, file: Path) -> None:
        self.file = file

    def calls(self, kind: str | None = None) -> int:
        """How many calls there were, of this kind or of any."""
        kinds = Counter(kind for (kind,) in self._rows("SELECT kind FROM calls"))
        return kinds[kind] if kind else kinds.total()

    def charges(self) -> list[tuple[str, int]]:
        """Kind and amount in cents of everything that was done, in order."""
        rows = self._rows("SELECT kind, amount_cents FROM charges WHERE succeeded ORDER BY id")
        return [(kind, amount) for kind, amount in rows]

    def repeats(self) -> int:
        """How often something was asked for again that was done already."""
        return sum(repeats for (repeats,) in self._rows("SELECT repeats FROM charges"))

    def _rows(self, query: str) -> list[Any]:
        """The rows; none before the gateway has made its tables."""
        if not self.file.exists():
            return []
        with closing(sqlite3.connect(self.file, timeout=60)) as db:
            tables = db.execute("SELECT name FROM sqlite_master WHERE name = 'charges'")
            return db.execute(query).fetchall() if tables.fetchall() else []


def payable(shop: Shop, token: str | None = "tok_approve", **values: Any) -> int:
    """An order that is paid from its customer's wallet, by the gateway `test` unless given."""
    customer = shop.customer()
    card = {"gateway": values.pop("gateway", "test"), "payment_source_token": token}
    saved = shop.payment_source(wallet_of=customer, **card)
    return shop.order(**{"customer_id": customer, "payment_source_id": saved} | values)


def place(*orders: int, before: Callable[[], None] | None = None, **options: Any) -> list[Any]:
    """Copy these orders as one batch, place the copies, ask the gateways; how each ended."""
    factories = [request(order, place_target_order=True, **options) for order in orders]
    batch = batch_of(factories)
    assert copy_batch(batch) == []
    if before is not None:
        before()
    authorize(batch)
    return results(factories)
