"""The tables that the benchmark prints."""

from collections.abc import Callable
from statistics import median

from rich.table import Table

from benchmarks.goals import Goal, median_ratio
from benchmarks.measurement import Measurement
from benchmarks.plan import CONTENDERS, HAND_WRITTEN, LIMIT
from benchmarks.slope import Slope

DATABASES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def _yardstick(measured: list[Measurement]) -> str:
    """Return the fair limit if it was measured."""
    names = {one.contender for one in measured}
    return (LIMIT if LIMIT.name in names else HAND_WRITTEN).name


def _ratio(
    measured: list[Measurement], one: Measurement, figure: Callable[[Measurement], float]
) -> str:
    found = median_ratio(measured, one.database, one.contender, _yardstick(measured), figure)
    return "-" if found is None else f"{found:.2f}"


def comparison(measured: list[Measurement], database: str) -> Table:
    """Return a row per contender with the medians over the rounds."""
    table = _table(
        f"Copying orders on {DATABASES[database]}: medians",
        "orders",
        "orders/s",
        "ratio",
        "of CPU",
        "whole/s",
        "ratio",
        "of CPU",
        "MiB",
    )
    table.caption = (
        "orders/s: copying; whole/s: from call to return, so with recording the selection and "
        "writing the report; ratio: to the fair limit of the same round, or to "
        "the hand-written SQL without it; of CPU: the same by processor time; MiB: the process's memory at its peak."
    )
    table.caption_justify = "left"
    here = [one for one in measured if one.database == database]
    for contender in CONTENDERS:
        runs = [one for one in here if one.contender == contender.name]
        if runs:
            table.add_row(
                contender.title,
                f"{runs[0].orders:,}",
                f"{median(one.orders_per_second for one in runs):,.0f}",
                _ratio(here, runs[0], lambda one: one.orders_per_second),
                _ratio(here, runs[0], lambda one: one.orders_per_cpu_second),
                f"{median(one.orders_per_second_whole for one in runs):,.0f}",
                _ratio(here, runs[0], lambda one: one.orders_per_second_whole),
                _ratio(here, runs[0], lambda one: one.orders_per_cpu_second_whole),
                f"{median(one.outcome.memory_peak for one in runs):,.0f}",
            )
    return table


def flow_runs(measured: list[Measurement]) -> Table:
    """Return the time of one order as a flow run, and of a flow run whose tasks do nothing."""
    table = _table("One flow run: medians", "order_factory, ms", "as many empty tasks, ms", "ratio")
    for database, name in DATABASES.items():
        runs = [
            (1000 * one.outcome.timing.copying / one.orders, 1000 * empty / one.orders)
            for one in measured
            if one.database == database and (empty := one.outcome.timing.empty) is not None
        ]
        if runs:
            copies, empties = zip(*runs, strict=True)
            ratio = median(copy / empty for copy, empty in runs)
            table.add_row(name, f"{median(copies):.0f}", f"{median(empties):.0f}", f"{ratio:.2f}")
    return table


def slopes_table(slopes: list[Slope]) -> Table:
    """Compare few orders with all orders, and the second half with the first, by medians."""
    table = _table(
        "From few orders to all: ours, one worker, orders as they come",
        "orders",
        "orders/s",
        "orders",
        "orders/s",
        "halves",
        "MiB more",
    )
    for database, name in DATABASES.items():
        here = [one for one in slopes if one.database == database]
        if here:
            table.add_row(
                name,
                f"{here[0].few:,}",
                f"{median(one.few_orders_per_second for one in here):,.0f}",
                f"{here[0].all:,}",
                f"{median(one.all_orders_per_second for one in here):,.0f}",
                f"{median(one.halves for one in here):.2f}",
                f"{median(one.memory_growth for one in here):,.0f}",
            )
    table.caption = (
        "halves: seconds per order of the second half of all orders over those of the first; MiB "
        "more: memory of the process at its peak, with all orders over few."
    )
    table.caption_justify = "left"
    return table


def goals_table(goals: list[Goal]) -> Table:
    """Return each goal with its measured figure."""
    table = _table("Goals", "measured", "goal", "")
    for goal in goals:
        limit = f"≥ {goal.least}" if goal.least is not None else f"≤ {goal.most}"
        table.add_row(
            f"{DATABASES[goal.database]}: {goal.meaning}",
            f"{goal.measured:.2f}",
            limit,
            "[green]reached[/green]" if goal.reached else "[red]missed[/red]",
        )
    return table
