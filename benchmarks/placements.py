"""Place real orders with the gateway `test`, and compare with the limit of its latency.

    python -m benchmarks.placements --orders 5000 --latency-ms 50 --concurrency 16

The program copies and places valid orders with the flow `bulk_order_factory`, on SQLite and on its
own PostgreSQL server. The limit is the longer of latency * orders / concurrency and orders / rate.
With --prefect-limit, it also measures a slot of Prefect's global limit, the other way to limit
calls.
"""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

import pandas as pd

from benchmarks.dataset import Tables, judge_orders, read_tables
from benchmarks.postgres import postgres_server
from benchmarks.prefect_server import prefect_server
from benchmarks.shops import PostgresShops, Shops, SqliteShops

FOLDER = Path("var/benchmarks/placements")


def measure(url: str, numbers: list[str], limit_seconds: float) -> str:
    """Return a line: the seconds of placing and of the run, and the ratio to the limit."""
    os.environ["ORDER_FACTORY_DATABASE_URL"] = url
    from order_factory.flows.bulk_order_factory import bulk_order_factory
    from order_factory.models.database.engine import get_engine
    from order_factory.models.results.progress import show_progress_with

    moments: dict[str, list[float]] = {}

    def listen(step: str, done: int, total: int | None) -> None:
        moments.setdefault(step, []).append(perf_counter())

    orders = pd.DataFrame({"source_order": numbers})
    report = str(FOLDER / "report.csv")
    with show_progress_with(listen):
        result = bulk_order_factory(
            orders, "placements", place_target_order=True, report_path=report
        )
    get_engine().dispose()
    if result.completed != len(numbers):
        raise RuntimeError(f"{result.completed} of {len(numbers)} were placed")
    placing_started = moments["authorize payments"]
    placing = placing_started[-1] - placing_started[0]
    return (
        f"placing {placing:6.2f} s = {placing / limit_seconds:.2f} of the limit of {limit_seconds:.2f} s; "
        f"with copying {result.seconds:6.2f} s = {result.seconds / limit_seconds:.2f}"
    )


def time_prefect_limit(slots: int = 50) -> str:
    """Return the time of a slot of Prefect's own rate limit, on the configured server."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
    from prefect.concurrency.sync import rate_limit

    with get_client(sync_client=True) as client:
        client.create_global_concurrency_limit(
            GlobalConcurrencyLimitCreate(name="gateway", limit=10_000, slot_decay_per_second=1_000)
        )
    times = []
    for _ in range(slots):
        started = perf_counter()
        rate_limit("gateway", strict=True)
        times.append(perf_counter() - started)
    return f"a slot of Prefect's rate limit: {median(times) * 1000:.1f} ms (median of {slots})"


@contextmanager
def _shops(database: str) -> Iterator[Shops]:
    if database == "sqlite":
        yield SqliteShops(FOLDER)
        return
    with postgres_server(FOLDER / "postgres") as url:
        yield PostgresShops(url)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--orders", type=int, default=5_000)
    parser.add_argument("--latency-ms", type=int, default=50)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--calls-per-second", type=float, default=0.0)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--databases", default="sqlite,postgres")
    parser.add_argument("--prefect-limit", action="store_true")
    given = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    settings = {
        "LATENCY_MS": given.latency_ms,
        "CONCURRENCY": given.concurrency,
        "CALLS_PER_SECOND": given.calls_per_second,
    }
    os.environ |= {f"ORDER_FACTORY_TEST_GATEWAY_{key}": str(it) for key, it in settings.items()}
    limit_seconds = given.orders * given.latency_ms / 1000 / given.concurrency
    if given.calls_per_second:
        limit_seconds = max(limit_seconds, given.orders / given.calls_per_second)

    # A few percent of the orders are not valid, and are left out.
    def read() -> Tables:
        return read_tables(FOLDER / "orders", int(given.orders * 1.2))

    judged = judge_orders(read())
    numbers = list(judged.loc[judged["valid"], "number"].astype(str))[: given.orders]
    with prefect_server(FOLDER / "prefect") as environment:
        os.environ |= environment
        for database in given.databases.split(","):
            with _shops(database) as shops:
                name = f"placements_{given.orders}"
                shops.prepare(name, read)
                for _ in range(given.runs):
                    with shops.fresh(name) as url:
                        print(f"{database:9} {measure(url, numbers, limit_seconds)}", flush=True)  # noqa: T201
        if given.prefect_limit:
            print(time_prefect_limit())  # noqa: T201


if __name__ == "__main__":
    main()
