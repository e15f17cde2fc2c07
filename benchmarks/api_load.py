"""The HTTP service under load, beside an empty route under uvicorn in the same run.

    python -m benchmarks.api_load --databases sqlite,postgresql --factories 1000000

`wrk` keeps 20 connections busy: first with an empty route of FastAPI and one of Starlette, then with
each kind of request to `order-factory serve`. Ratios are medians of the rounds' own ratios to
FastAPI's route, for which the goals were set: by the clock, and by processor time for each answer,
which says more on a machine that others use too. At last copies are requested while the service
copies, and all of them must come to `completed`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import monotonic, sleep

import psutil
from sqlalchemy import func, select

from benchmarks.api_shop import fill, first_keys
from benchmarks.cpu_clock import DatabaseClock
from benchmarks.postgres import postgres_server
from benchmarks.wrk import Load, Request, load, require_wrk
from order_factory.api.query.paging import MOST_SIZE
from order_factory.api.tokens import create_token
from order_factory.models.database.engine import begin, close_connections, reading
from order_factory.models.database.schema import upgrade
from order_factory.models.tables import OrderFactory
from order_factory.models.values.public_ids import Resource, public_ids
from order_factory.models.values.statuses import FactoryStatus, Mode

ORDERS = 5_000
_FASTAPI = """
from fastapi import FastAPI
app = FastAPI()
@app.get('/empty')
async def empty(): return {}
"""
_STARLETTE = """
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
async def empty(request): return JSONResponse({})
app = Starlette(routes=[Route('/empty', empty)])
"""
_FACTORIES = f"/api/order_factories?page[size]={MOST_SIZE}"


@dataclass(frozen=True, eq=False)
class Case:
    """One kind of request, and the goal for its rate: a part of the empty route's."""

    name: str
    requests: Sequence[Request]
    goal: float | None = None


@dataclass(frozen=True)
class Measured:
    """A load of one round, and the processor seconds for each answer: the service's, and all."""

    load: Load
    cpu: float
    cpu_with_database: float


@contextmanager
def running(command: list[str], said: str, **environment: str) -> Iterator[tuple[str, int]]:
    """A server as a process: the URL in the line that says that it listens, and its process id."""
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=os.environ | environment
    )
    assert process.stderr is not None
    log = process.stderr
    try:
        line = next(line for line in log if said in line)
        # What it logs later must be read, or it would stop at a full pipe.
        drain = subprocess.Popen(["cat"], stdin=log, stdout=subprocess.DEVNULL)
        url = next(word for word in line.split() if word.startswith("http"))
        yield url.removesuffix("/api"), process.pid
    finally:
        process.terminate()
        process.wait()
        drain.wait()


def make_cases(orders: Sequence[str], factories: int) -> list[Case]:
    """What is measured, with the goals of the project."""
    last = factories // MOST_SIZE
    everything = "filter[q][source_order_currency_code_eq]=EUR"
    few = "filter[q][source_order_customer_email_eq]=c7@shop.example"
    two = "include=source_order,target_order"
    lists: dict[str, tuple[str, float | None]] = {
        "list 25": ("", 0.08),
        "list 25, two includes": (f"&{two}", 0.03),
        "list 25, the newest first": ("&sort=-created_at", None),
        "list 25, the last page": (f"&page[number]={last}", None),
        "a join filter that few meet": (f"&{few}", None),
        "a join filter that all meet": (f"&{everything}", None),
    }
    copies = [
        Request(
            "/api/order_copies",
            "POST",
            json.dumps(
                {
                    "data": {
                        "type": "order_copies",
                        "relationships": {"source_order": {"data": {"type": "orders", "id": name}}},
                    }
                }
            ),
        )
        for name in orders
    ]
    return [
        Case("retrieve an order", [Request(f"/api/orders/{name}") for name in orders], 0.2),
        *(Case(name, [Request(_FACTORIES + query)], goal) for name, (query, goal) in lists.items()),
        Case("create a copy", copies, 0.1),
    ]


class Clock:
    """Counts the processor seconds of a service with its processes, and of its database."""

    def __init__(self, process: int, database: DatabaseClock) -> None:
        self._process, self._database = psutil.Process(process), database

    def seconds(self) -> tuple[float, float]:
        """Those of the service, and those of its database."""
        processes = [self._process, *self._process.children(recursive=True)]
        times = [each.cpu_times() for each in processes]
        return sum(each.user + each.system for each in times), self._database.seconds()


def measure(url: str, case: Case, token: str, seconds: float, clock: Clock) -> Measured:
    """Load a service for this many seconds."""
    before = clock.seconds()
    outcome = load(url, case.requests, seconds, token)
    answers = max(1, outcome.answers)  # a slow request may have none in this time
    of_service, of_database = (
        (now - then) / answers for now, then in zip(clock.seconds(), before, strict=True)
    )
    return Measured(outcome, of_service, of_service + of_database)


def measure_rounds(
    database: str, factories: int, seconds: float, rounds: int, workers: int, only: str
) -> Iterator[str]:
    """The lines of the report about one database, which is empty."""
    fill(ORDERS, factories)
    orders = public_ids(Resource.orders, first_keys(1_000))
    cases = [each for each in make_cases(orders, factories) if only in each.name]
    with begin() as db:
        token = create_token(db, mode=Mode.TEST, scopes=["read", "write"], rate_limits="").token
    clock = DatabaseClock(database)
    with (
        tempfile.TemporaryDirectory() as folder,
        running(_uvicorn(folder, "with_fastapi", _FASTAPI), "running on") as fastapi,
        running(_uvicorn(folder, "with_starlette", _STARLETTE), "running on") as starlette,
        running(_serve(workers), "Listening on", ORDER_FACTORY_API_DISPATCH="false") as (url, own),
    ):
        empty, bare = (
            Case(f"an empty route of {name}", [Request("/empty")])
            for name in ("FastAPI", "Starlette")
        )
        found: dict[Case, list[Measured]] = {each: [] for each in (empty, bare, *cases)}
        for case in cases:
            load(url, case.requests, 1, token)  # statements are compiled
        for _ in range(rounds):
            for case, (url_of_route, process) in ((empty, fastapi), (bare, starlette)):
                alone = Clock(process, DatabaseClock(""))
                found[case].append(measure(url_of_route, case, "", seconds, alone))
            for case in cases:
                found[case].append(measure(url, case, token, seconds, Clock(own, clock)))
    yield f"{factories:,} factories, {workers} workers, {rounds} rounds of {seconds:.0f} seconds"
    yield "| | requests/s | p50 ms | p99 ms | ratio | CPU ms | of CPU | with the database | goal |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    yield from (_line(case, measured, found[empty]) for case, measured in found.items())


def _line(case: Case, measured: Sequence[Measured], empty: Sequence[Measured]) -> str:
    """A row of the table: medians of the rounds; ratios are those of each round."""
    pairs = list(zip(measured, empty, strict=True))
    failed = sum(each.load.failed for each in measured)
    cells = [
        case.name + (f" ({failed} failed)" if failed else ""),
        f"{median(each.load.rate for each in measured):,.0f}",
        f"{median(each.load.p50 for each in measured) * 1000:,.1f}",
        f"{median(each.load.p99 for each in measured) * 1000:,.1f}",
        f"{median(here.load.rate / there.load.rate for here, there in pairs):.3f}",
        f"{median(each.cpu for each in measured) * 1000:.2f}",
        f"{median(there.cpu / here.cpu for here, there in pairs):.3f}",
        f"{median(there.cpu / here.cpu_with_database for here, there in pairs):.3f}",
        "" if case.goal is None else str(case.goal),
    ]
    return f"| {' | '.join(cells)} |"


def measure_copying(seconds: float, workers: int) -> Iterator[str]:
    """Whether each requested copy is stored and copied, and how fast."""
    (case,) = (
        each
        for each in make_cases(public_ids(Resource.orders, first_keys(1_000)), 0)
        if each.requests[0].method == "POST"
    )
    with begin() as db:
        token = create_token(db, mode=Mode.TEST, scopes=["write"], rate_limits="").token
    before = _count()
    with running(_serve(workers), "Listening on") as (url, _):
        load(url, case.requests, 1, token)
        _wait_until_copied()  # Prefect's server has started by then
        first = _count()
        outcome = load(url, case.requests, seconds, token)
        pending = _count(FactoryStatus.PENDING)
        began = monotonic()
        _wait_until_copied()
        took = monotonic() - began
    stored = _count() - first
    yield (
        f"{outcome.answers:,} copies requested, {outcome.rate:,.0f} per second, p99 "
        f"{outcome.p99 * 1000:,.0f} ms; {stored:,} stored and {_count(FactoryStatus.COMPLETED) - before:,} "
        f"completed; {pending:,} were left and copied in {took:.1f} s"
    )


def _count(status: FactoryStatus | None = None) -> int:
    counted = select(func.count()).select_from(OrderFactory)
    if status is not None:
        counted = counted.where(OrderFactory.status == status)
    with reading() as db:
        return db.scalar(counted) or 0


def _wait_until_copied() -> None:
    while _count(FactoryStatus.PENDING):
        sleep(0.2)


def _uvicorn(folder: str, name: str, app: str) -> list[str]:
    Path(folder, f"{name}.py").write_text(app)
    command = [sys.executable, "-m", "uvicorn", f"{name}:app", "--app-dir", folder, "--port", "0"]
    return [*command, "--no-access-log"]


def _serve(workers: int) -> list[str]:
    command = [sys.executable, "-m", "order_factory.cli.main", "serve", "--port", "0"]
    return [*command, "--workers", str(workers)]


def databases(names: Sequence[str], folder: Path) -> Iterator[tuple[str, str]]:
    """Each database in turn with its URL, empty and with its tables."""
    for name in names:
        if name == "sqlite":
            yield name, _prepare(f"sqlite:///{folder}/shop.db")
        else:
            with postgres_server(folder / "postgres") as url:
                yield name, _prepare(url.format("postgres"))
                close_connections()


def _prepare(url: str) -> str:
    os.environ["ORDER_FACTORY_DATABASE_URL"] = url
    upgrade()
    return url


def main() -> None:
    parser = argparse.ArgumentParser(description="Load the HTTP service with wrk.")
    parser.add_argument("--databases", default="sqlite,postgresql", help="sqlite,postgresql")
    parser.add_argument("--factories", type=int, default=10_000, help="factories in the shop")
    parser.add_argument("--seconds", type=float, default=5, help="seconds of each load")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, of which medians are shown")
    parser.add_argument("--workers", type=int, default=1, help="processes of the service")
    parser.add_argument("--only", default="", help="only the cases whose name contains this")
    parser.add_argument("--copying", action="store_true", help="also let the service copy")
    given = parser.parse_args()
    require_wrk()
    with tempfile.TemporaryDirectory() as folder:
        for name, url in databases(given.databases.split(","), Path(folder)):
            lines = measure_rounds(
                url, given.factories, given.seconds, given.rounds, given.workers, given.only
            )
            for line in lines:
                sys.stdout.write(f"{line}\n" if line.startswith("|") else f"\n{name}: {line}\n\n")
                sys.stdout.flush()
            if given.copying:
                for line in measure_copying(given.seconds, given.workers):
                    sys.stdout.write(f"\n{name}: {line}\n")


if __name__ == "__main__":
    main()
