"""Deliveries of webhooks, and their cost to copying: `python -m benchmarks.deliveries`.

`rate` delivers the events of completed copies to a local receiver in a process of its own. `dead`
does so while a second receiver never answers. `copying` copies a batch in three ways: alone; while
a process looks for events to deliver; while that process delivers each completed copy. Each figure
is by the clock and in processor time.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from time import monotonic, sleep

import psutil
from sqlalchemy import literal, select

from benchmarks.api_load import databases
from benchmarks.api_shop import fill
from benchmarks.cpu_clock import DatabaseClock
from benchmarks.dispatcher import dispatcher
from benchmarks.measurement import Measurement
from benchmarks.measuring import Bench
from benchmarks.plan import OURS
from benchmarks.postgres import postgres_server
from benchmarks.prefect_server import prefect_server
from benchmarks.receiver import receiver
from benchmarks.run import FOLDER, SPARE
from benchmarks.shops import PostgresShops, Shops, SqliteShops
from order_factory.api.webhook_subscriptions import create_webhook
from order_factory.models.database.engine import begin, close_connections
from order_factory.models.database.identity import adopt_place
from order_factory.models.tables import Event, OrderFactory
from order_factory.models.tables.base import utc_now
from order_factory.models.values.statuses import Mode
from order_factory.tasks.working_set.statements import at, insert_counted, table_of

_PARTS = ("rate", "dead", "copying")
_WAYS = ("alone", "no webhook", "a webhook")
_FIGURES = (
    "orders_per_second",
    "orders_per_cpu_second",
    "orders_per_second_whole",
    "orders_per_cpu_second_whole",
)
_TOPIC = "order_copies.complete"
_LONGEST_SECONDS = 600.0


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _cpu_of(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _subscribe(*urls: str, mode: Mode) -> None:
    with begin() as db:
        for url in urls:
            create_webhook(db, _TOPIC, url, mode=mode)


def _record_events() -> None:
    """Record for each copy that it is complete."""
    event, factory = table_of(Event), table_of(OrderFactory)
    rows = select(literal("order_factories.complete"), factory.c.id, at(utc_now()))
    with begin() as db:
        db.execute(insert_counted(event, ["name", "order_factory_id", "created_at"], rows))


def measure_deliveries(database: str, url: str, copies: int, round: int, *, dead: bool) -> None:
    """Deliver an event of each copy, and print a row of the table."""
    live, never = f"/live{round}{dead}", f"/dead{round}"
    with receiver() as receiving:
        of_receiver, of_database = psutil.Process(receiving.process), DatabaseClock(url)
        _subscribe(*map(receiving.url, [live, never] if dead else [live]), mode=Mode.TEST)
        _record_events()
        receiver_before, database_before = _cpu_of(of_receiver), of_database.seconds()
        with dispatcher() as process:
            began, process_before = monotonic(), _cpu_of(process)
            while (arrived := receiving.report().get(live, {"ids": 0}))["ids"] < copies:
                if monotonic() > began + _LONGEST_SECONDS:
                    raise RuntimeError(f"Only {arrived['ids']:.0f} deliveries arrived.")
                sleep(0.05)
            cpu = _cpu_of(process) - process_before
            cpu_of_database = of_database.seconds() - database_before
        seconds = arrived["last"] - began
        cpu_there = _cpu_of(of_receiver) - receiver_before
    cells = [
        f"{database}, {'with a dead receiver' if dead else 'alone'}",
        f"{arrived['requests'] / seconds:,.0f}",
        *(f"{each / copies * 1000:.2f}" for each in (cpu, cpu_of_database, cpu_there)),
    ]
    _write(f"| {' | '.join(cells)} |")


def measure_rates(names: list[str], copies: int, rounds: int, parts: list[str]) -> None:
    """Measure the rate of deliveries on each database."""
    _write("| | deliveries/s | CPU ms of the process | of the database | of the receiver |")
    _write("| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for database, url in databases(names, Path(folder)):
            fill(1_000, copies)
            for round in range(rounds):
                for part in [part for part in parts if part != "copying"]:
                    measure_deliveries(database, url, copies, round, dead=part == "dead")


@contextmanager
def _beside(way: str, url: str) -> Iterator[None]:
    """Run what a batch is copied beside of."""
    if way == "alone":
        yield
        return
    os.environ["ORDER_FACTORY_DATABASE_URL"] = url
    with receiver() as receiving:
        if way == "a webhook":
            with begin() as db:
                adopt_place(db)  # the copy of a shop sends nothing otherwise
            _subscribe(receiving.url("/live"), mode=Mode.LIVE)
            close_connections()
        with dispatcher():
            yield
        arrived = receiving.report().get("/live", {"ids": 0})["ids"]
    _write(f"  {way}: {arrived:,.0f} deliveries meanwhile")


def measure_copying(names: list[str], orders: int, rounds: int) -> None:
    """Copy a batch beside each of the ways, in turn, and print the medians."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = FOLDER.resolve()
    with ExitStack() as running:
        shops: dict[str, Shops] = {}
        if "sqlite" in names:
            shops["sqlite"] = SqliteShops(folder)
        if "postgresql" in names:
            url = running.enter_context(postgres_server(folder / "postgres"))
            shops["postgres"] = PostgresShops(url)
        environment = running.enter_context(prefect_server(folder / "prefect"))
        bench = Bench(folder, shops, environment, int(orders * SPARE))
        for database in shops:
            bench.prepare(database)
            measurements: dict[str, list[Measurement]] = {way: [] for way in _WAYS}
            for round in range(rounds):
                for way in _WAYS:
                    measured, _ = bench.measure(
                        OURS,
                        database,
                        orders=orders,
                        round=round,
                        as_they_come=False,
                        beside=partial(_beside, way),
                    )
                    measurements[way].append(measured)
            _print_copying(database, measurements)


def _print_copying(database: str, measurements: dict[str, list[Measurement]]) -> None:
    _write("| | orders/s | to alone | of CPU | whole call | of CPU |")
    _write("| --- | --- | --- | --- | --- | --- |")
    for way, measured in measurements.items():
        pairs = list(zip(measured, measurements["alone"], strict=True))
        cells = [
            f"{database}, {way}",
            f"{median(each.orders_per_second for each in measured):,.0f}",
            *(
                f"{median(getattr(here, name) / getattr(there, name) for here, there in pairs):.2f}"
                for name in _FIGURES
            ),
        ]
        _write(f"| {' | '.join(cells)} |")


def main() -> None:
    """Measure the parts that are asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.deliveries",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", default=",".join(_PARTS), help="default %(default)s")
    parser.add_argument("--databases", default="sqlite,postgresql", help="default %(default)s")
    parser.add_argument(
        "--copies", type=int, default=10_000, help="deliveries of a round; default %(default)s"
    )
    parser.add_argument(
        "--orders", type=int, default=20_000, help="orders of a batch; default %(default)s"
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds; default %(default)s")
    options = parser.parse_args()
    os.environ["ORDER_FACTORY_WEBHOOK_ALLOW_PRIVATE_ADDRESSES"] = "true"
    names, parts = options.databases.split(","), options.only.split(",")
    if unknown := set(parts) - set(_PARTS):
        parser.error(f"{', '.join(sorted(unknown))}: choose from {', '.join(_PARTS)}")
    if parts != ["copying"]:
        measure_rates(names, options.copies, options.rounds, parts)
    if "copying" in parts:
        measure_copying(names, options.orders, options.rounds)


if __name__ == "__main__":
    main()
