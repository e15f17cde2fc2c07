"""Compare subscriptions with the bulk flow: `python -m benchmarks.subscriptions --orders 100000`.

All subscriptions are due at once, and both flows copy and place the same orders.
"""

import argparse
from contextlib import ExitStack

from rich.console import Console

from benchmarks.measuring import Bench
from benchmarks.plan import Contender
from benchmarks.postgres import postgres_server
from benchmarks.prefect_server import prefect_server
from benchmarks.report import DATABASES
from benchmarks.run import FOLDER, ORDERS, SPARE
from benchmarks.shops import PostgresShops, Shops, SqliteShops

CONTENDERS = [
    Contender(name=name, title=title, modules=dict.fromkeys(DATABASES, module), checked=False)
    for name, title, module in (
        ("bulk", "bulk_order_factory", "ours_placed"),
        ("subscriptions", "run_order_subscriptions", "subscriptions"),
    )
]
console = Console(width=max(Console().width, 100))


def main() -> None:
    """Measure both flows alternately, and print the figures of each round."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.subscriptions", description=__doc__)
    parser.add_argument("--orders", type=int, default=ORDERS, help="default %(default)s")
    parser.add_argument("--databases", default=",".join(DATABASES), help="default %(default)s")
    parser.add_argument("--runs", type=int, default=1, help="rounds; default %(default)s")
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = FOLDER.resolve()
    with ExitStack() as running:
        shops: dict[str, Shops] = {}
        if "sqlite" in options.databases:
            shops["sqlite"] = SqliteShops(folder)
        if "postgres" in options.databases:
            url = running.enter_context(postgres_server(folder / "postgres"))
            shops["postgres"] = PostgresShops(url)
        environment = running.enter_context(prefect_server(folder / "prefect"))
        bench = Bench(folder, shops, environment, int(options.orders * SPARE))
        for database in shops:
            bench.prepare(database)
            for round in range(1, options.runs + 1):
                for contender in CONTENDERS:
                    _measure(bench, contender, database, options.orders, round)


def _measure(bench: Bench, contender: Contender, database: str, orders: int, round: int) -> None:
    measured, _ = bench.measure(contender, database, orders=orders, round=round, as_they_come=False)
    timing = measured.outcome.timing
    console.print(
        f"{DATABASES[database]}, round {round}, {contender.title}, {measured.orders:,} orders: "
        f"{measured.orders_per_second:,.0f} orders/s copying, "
        f"{measured.orders_per_second_whole:,.0f} in all "
        f"({timing.copying:.1f} s copying, {timing.whole - timing.copying:.1f} s around it, "
        f"{measured.outcome.memory_peak:,.0f} MiB)",
        highlight=False,
    )


if __name__ == "__main__":
    main()
