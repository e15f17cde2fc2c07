"""The HTTP service under load, beside an empty route on the same machine in the same run.

    python -m benchmarks.api_load --seconds 60 --clients 200

A fresh SQLite shop (or the PostgreSQL database of --database) is filled, `order-factory serve` is
started as a process, and keep-alive clients ask: first for an empty route, then for lists and
single orders, and at last for copies, all of which must come to `completed`.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import monotonic, perf_counter, sleep
from urllib.parse import urlsplit

from sqlalchemy import func, insert, select

from order_factory.api.tokens import create_token
from order_factory.models.database.engine import begin, reading
from order_factory.models.database.schema import upgrade
from order_factory.models.tables import Address, Customer, LineItem, Order, OrderFactory, Sku
from order_factory.models.tables.base import utc_now
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.models.values.statuses import FactoryStatus, Mode
from order_factory.tasks.working_set.statements import table_of

LINES = 10
_EMPTY = (
    "from starlette.applications import Starlette\n"
    "from starlette.responses import JSONResponse\n"
    "from starlette.routing import Route\n"
    "async def empty(request): return JSONResponse({})\n"
    "app = Starlette(routes=[Route('/empty', empty)])\n"
)


@dataclass(frozen=True)
class Measured:
    """What a load gave: answers, seconds, and each answer's time in seconds, in order."""

    name: str
    seconds: float
    times: list[float]
    others: int

    def line(self) -> str:
        if not self.times:
            return f"{self.name:<28} no answer"
        ordered = sorted(self.times)
        p50, p99 = (ordered[int(len(ordered) * part)] * 1000 for part in (0.5, 0.99))
        rate = len(ordered) / self.seconds
        message = f"{self.name:<28} {rate:>8,.0f}/s   p50 {p50:>7,.1f} ms   p99 {p99:>8,.1f} ms"
        return message + (f"   {self.others} other answers" if self.others else "")


def fill(orders: int) -> list[str]:
    """A shop of test mode with this many placed orders; the public ids of the first thousand."""
    now = utc_now()
    times = {"created_at": now, "updated_at": now}
    with begin() as db:
        skus = [{"code": f"S{n}", "name": f"S{n}", "do_not_track": True} for n in range(100)]
        db.execute(insert(Sku), [{**each, "mode": "test"} for each in skus])
        address = {"line_1": "1", "city": "Rome", "country_code": "IT", "mode": "test"}
        address_id = db.execute(insert(Address).returning(Address.id), address).scalar_one()
        customer = {"email": "load@shop.example", "mode": "test"}
        customer_id = db.execute(insert(Customer).returning(Customer.id), customer).scalar_one()
        order = {
            "status": "placed",
            "mode": "test",
            "customer_id": customer_id,
            "billing_address_id": address_id,
            "shipping_address_id": address_id,
            "currency_code": "EUR",
            "total_amount_cents": 100 * LINES,
            **times,
        }
        first = (db.scalar(select(func.max(Order.id))) or 0) + 1
        keys = range(first, first + orders)
        db.execute(insert(table_of(Order)), [{"id": n, "number": str(n), **order} for n in keys])
        line = {"quantity": 1, "unit_amount_cents": 100, "total_amount_cents": 100, **times}
        for start in range(0, orders, 5_000):
            rows = [
                {"order_id": n, "sku_code": f"S{(n + m) % 100}", **line}
                for n in keys[start : start + 5_000]
                for m in range(LINES)
            ]
            db.execute(insert(table_of(LineItem)), rows)
    return [public_id(Resource.orders, key) for key in keys[:1_000]]


@contextmanager
def running(command: list[str], said: str) -> Iterator[str]:
    """A server as a process; the URL in the line in which it says that it listens."""
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    log = process.stderr
    try:
        line = next(line for line in log if said in line)
        # What it logs later must be read, or it would stop at a full pipe.
        drain = subprocess.Popen(["cat"], stdin=log, stdout=subprocess.DEVNULL)
        yield next(word for word in line.split() if word.startswith("http"))
    finally:
        process.terminate()
        process.wait()
        drain.wait()


async def load(
    name: str, url: str, requests: Iterator[bytes], clients: int, seconds: float, expect: int
) -> Measured:
    """Let the clients send one request after the other for this many seconds."""
    times: list[float] = []
    others = 0
    where = urlsplit(url)
    end = monotonic() + seconds

    async def client() -> None:
        nonlocal others
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        while monotonic() < end:
            began = perf_counter()
            writer.write(next(requests))
            head = await reader.readuntil(b"\r\n\r\n")
            fields = head.lower().split(b"\r\n")
            length = next(each for each in fields if each.startswith(b"content-length"))
            await reader.readexactly(int(length.split(b":")[1]))
            if int(head[9:12]) == expect:
                times.append(perf_counter() - began)
            else:
                others += 1
        writer.close()

    began = monotonic()
    await asyncio.gather(*(client() for _ in range(clients)))
    return Measured(name, monotonic() - began, times, others)


def asking(token: str, paths: list[str]) -> Iterator[bytes]:
    """GET requests for these paths, over and over."""
    head = f"Host: bench\r\nAuthorization: Bearer {token}\r\n\r\n"
    made = [f"GET {path} HTTP/1.1\r\n{head}".encode() for path in paths]
    return (made[n % len(made)] for n in count())


def asking_for_copies(token: str, orders: list[str]) -> Iterator[bytes]:
    """POST requests for copies of these orders, over and over."""
    made = []
    for name in orders:
        source = {"data": {"type": "orders", "id": name}}
        data = {"type": "order_copies", "relationships": {"source_order": source}}
        body = json.dumps({"data": data})
        made.append(
            f"POST /api/order_copies HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/vnd.api+json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        )
    return (made[n % len(made)].encode() for n in count())


def wait_until_copied() -> tuple[int, float]:
    """How many copies were left when the load ended, and the seconds until none was."""
    began, first = monotonic(), None
    while True:
        with reading() as db:
            pending = OrderFactory.status == FactoryStatus.PENDING
            left = db.scalar(select(func.count()).select_from(OrderFactory).where(pending)) or 0
        first = left if first is None else first
        if not left:
            return first, monotonic() - began
        sleep(0.2)


def measure(clients: int, seconds: float, orders: int) -> Iterator[str]:
    """The lines of the report, as they are measured."""
    names = fill(orders)
    with begin() as db:
        token = create_token(db, mode=Mode.TEST, scopes=["read", "write"], rate_limits="").token
    folder = tempfile.mkdtemp()
    Path(folder, "empty.py").write_text(_EMPTY)
    uvicorn = [sys.executable, "-m", "uvicorn", "empty:app", "--app-dir", folder, "--port", "0"]
    with running([*uvicorn, "--no-access-log"], "running on") as url:
        paths = ["/empty"]
        yield asyncio.run(
            load("empty route", url, asking(token, paths), 20, seconds / 4, 200)
        ).line()
    serve = [sys.executable, "-m", "order_factory.cli.main", "serve", "--port", "0"]
    with running(serve, "Listening on") as url:
        lists = ["/api/order_factories?include=source_order,target_order&page[size]=25"]
        retrieved = [f"/api/orders/{name}" for name in names]
        copies = asking_for_copies(token, names)
        asyncio.run(load("warming up", url, copies, 1, 1, 201))
        wait_until_copied()  # Prefect's server has started by then
        for name, requests, many in (
            ("retrieve an order", asking(token, retrieved), 20),
            ("list 25, two includes", asking(token, lists), 20),
        ):
            yield asyncio.run(load(name, url, requests, many, seconds / 4, 200)).line()
        named = f"create copies, {clients} clients"
        made = asyncio.run(load(named, url, copies, clients, seconds, 201))
        yield made.line()
        left, drained = wait_until_copied()
        with reading() as db:
            stored = db.scalar(select(func.count()).select_from(OrderFactory)) or 0
        rate = len(made.times) / (made.seconds + drained)
        yield (
            f"answered {len(made.times):,} copies, stored {stored:,} in all, lost none: "
            f"{stored >= len(made.times)}; {left:,} were left and copied in {drained:.1f} s "
            f"({rate:,.0f} copies/s over the whole time)"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Load the HTTP service.")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--orders", type=int, default=5_000)
    parser.add_argument("--database", help="URL of an empty database; else a SQLite file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = given.database or f"sqlite:///{folder}/shop.db"
        os.environ["ORDER_FACTORY_DATABASE_URL"] = url
        upgrade()
        for line in measure(given.clients, given.seconds, given.orders):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
