"""The benchmark: `python -m benchmarks.run`; see `--help` for its options."""

import argparse
import json
import sys
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from benchmarks.goals import goals
from benchmarks.guard import Tally, differences
from benchmarks.measurement import Measurement
from benchmarks.measuring import Bench
from benchmarks.plan import CONTENDERS, HAND_WRITTEN, OURS, Contender
from benchmarks.postgres import postgres_server
from benchmarks.prefect_server import prefect_server
from benchmarks.report import DATABASES, comparison, flow_runs, goals_table, slopes_table
from benchmarks.shops import PostgresShops, Shops, SqliteShops
from benchmarks.slope import Slope, slope
from order_factory.models.errors import OrderFactoryError

FOLDER = Path("var/bench")
ORDERS, QUICK_ORDERS = 100_000, 10_000
FEW, ALL = 10_000, 155_848
# Some of the earliest orders are invalid, so more orders are loaded than copied.
SPARE = 1.2

# The tables are wider than 80 columns, the assumed width of a pipe.
console = Console(width=max(Console().width, 100))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    names = [contender.name for contender in CONTENDERS] + ["slope"]
    parser.add_argument("--quick", action="store_true", help="few orders, few contenders")
    parser.add_argument("--orders", type=int, help=f"default {ORDERS}, quick {QUICK_ORDERS}")
    parser.add_argument("--databases", default=",".join(DATABASES), help="default %(default)s")
    parser.add_argument("--runs", type=int, help="rounds; default 3, quick 2")
    parser.add_argument("--only", help=f"some of {', '.join(names)}")
    options = parser.parse_args()
    options.databases = options.databases.split(",")
    options.only = options.only.split(",") if options.only else None
    for given, known in ((options.databases, list(DATABASES)), (options.only or [], names)):
        if unknown := set(given) - set(known):
            parser.error(f"{', '.join(sorted(unknown))}: choose from {', '.join(known)}")
    options.orders = options.orders or (QUICK_ORDERS if options.quick else ORDERS)
    options.runs = options.runs or (2 if options.quick else 3)
    return options


def _is_selected(options: argparse.Namespace, contender: Contender) -> bool:
    if options.only is not None:
        return contender.name in options.only or contender is HAND_WRITTEN
    return contender.quick or not options.quick


class Comparison:
    """Measures the contenders one after the other, and compares the rows that they write."""

    def __init__(self, bench: Bench, orders: int) -> None:
        self._bench = bench
        self._orders = orders
        self._references: dict[tuple[str, int, str], Tally] = {}
        self.measured: list[Measurement] = []
        self.problems: list[str] = []

    def measure(self, contender: Contender, database: str, round: int) -> None:
        orders = min(self._orders, contender.most or self._orders)
        measurement, found = self._bench.measure(
            contender, database, orders=orders, round=round, as_they_come=False
        )
        self.measured.append(measurement)
        console.print(
            f"  round {round}, {contender.title}, {DATABASES[database]}: "
            f"{measurement.orders_per_second:,.0f} orders/s",
            highlight=False,
        )
        if contender.checked:
            self._compare(contender, database, orders, found)

    def _compare(self, contender: Contender, database: str, orders: int, found: Tally) -> None:
        """Check that it wrote the same rows as its yardstick for the same orders."""
        (yardstick,) = (each for each in CONTENDERS if each.name == contender.yardstick)
        key = database, orders, yardstick.name
        if contender is yardstick:
            self._references[key] = found
        if key not in self._references:
            _, self._references[key] = self._bench.measure(
                yardstick, database, orders=orders, round=0, as_they_come=False
            )
        for difference in differences(self._references[key], found):
            self.problems.append(
                f"{contender.title} on {DATABASES[database]} wrote other rows than "
                f"{yardstick.title}: {difference}"
            )


def _slope(bench: Bench, database: str, round: int) -> Slope:
    few, every = (
        bench.measure(OURS, database, orders=orders, round=round, as_they_come=True)[0]
        for orders in (FEW, ALL)
    )
    found = slope(few, every)
    console.print(
        f"  round {round}, {every.orders:,} orders, {DATABASES[database]}: "
        f"{every.orders_per_second:,.0f} orders/s, halves {found.halves:.2f}",
        highlight=False,
    )
    return found


def _print_results(databases: list[str], comparing: Comparison, slopes: list[Slope]) -> None:
    measured = comparing.measured
    for database in databases:
        console.print(comparison(measured, database))
    if any(one.outcome.timing.empty is not None for one in measured):
        console.print(flow_runs(measured))
    if slopes:
        console.print(slopes_table(slopes))
    reached = list(goals(measured, slopes))
    console.print(goals_table(reached))
    for problem in comparing.problems:
        console.print(f"[red]{problem}[/red]")
    path = FOLDER / "results.json"
    figures = {
        "measurements": [one.model_dump(mode="json") for one in measured],
        "slopes": [one.model_dump(mode="json") for one in slopes],
        "goals": [one.model_dump(mode="json") for one in reached],
        "problems": comparing.problems,
    }
    path.write_text(json.dumps(figures, indent=2))
    console.print(f"Figures: {path}")


def _measure(options: argparse.Namespace) -> tuple[Comparison, list[Slope]]:
    """Start the servers, load the shops, and run the contenders in each round."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = FOLDER.resolve()
    with_slope = "slope" in options.only if options.only else not options.quick
    with ExitStack() as running:
        shops: dict[str, Shops] = {}
        if "sqlite" in options.databases:
            shops["sqlite"] = SqliteShops(folder)
        if "postgres" in options.databases:
            url = running.enter_context(postgres_server(folder / "postgres"))
            shops["postgres"] = PostgresShops(url)
        with console.status("Starting Prefect's server, which takes some ten seconds"):
            environment = running.enter_context(prefect_server(folder / "prefect"))
        size = None if with_slope or not options.quick else int(options.orders * SPARE)
        bench = Bench(folder, shops, environment, size)
        for database in options.databases:
            with console.status(f"Loading the source shop on {DATABASES[database]}"):
                bench.prepare(database)
        comparing, slopes = Comparison(bench, options.orders), []
        for round in range(1, options.runs + 1):
            for database in options.databases:
                for contender in CONTENDERS:
                    if database in contender.modules and _is_selected(options, contender):
                        comparing.measure(contender, database, round)
                if with_slope:
                    slopes.append(_slope(bench, database, round))
        return comparing, slopes


def main() -> None:
    """Measure, print the tables, write the figures.

    The exit code is 1 if contenders wrote other rows, and 2 if nothing could be measured.
    """
    options = _options()
    try:
        comparing, slopes = _measure(options)
    except (OrderFactoryError, RuntimeError) as error:
        console.print(str(error), style="red", markup=False)
        sys.exit(2)
    _print_results(options.databases, comparing, slopes)
    sys.exit(1 if comparing.problems else 0)


if __name__ == "__main__":
    main()
