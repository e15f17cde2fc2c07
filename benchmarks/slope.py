"""Checking that time grows with the number of orders, and memory does not."""

from pydantic import BaseModel

from benchmarks.measurement import Measurement


class Slope(BaseModel, frozen=True):
    """Ours with few orders and with all, as they come.

    `halves` is the seconds per order of the second half over those of the first;
    `memory_growth` the MiB that the process held more at its peak with all orders; `progress` is
    that of the timing with all orders.
    """

    database: str
    few: int
    all: int
    few_orders_per_second: float
    all_orders_per_second: float
    halves: float
    memory_growth: float
    progress: list[tuple[float, int]]


def _seconds_per_order(progress: list[tuple[float, int]]) -> tuple[float, float]:
    """Of the first half of the orders, and of the second; parted where a batch ended."""
    seconds, orders = progress[-1]
    middle, done = min(progress, key=lambda moment: abs(moment[1] - orders / 2))
    return middle / done, (seconds - middle) / (orders - done)


def slope(few: Measurement, all_orders: Measurement) -> Slope:
    """What two measurements of the same contender say together."""
    first, second = _seconds_per_order(all_orders.outcome.timing.progress)
    return Slope(
        database=few.database,
        few=few.orders,
        all=all_orders.orders,
        few_orders_per_second=few.orders_per_second,
        all_orders_per_second=all_orders.orders_per_second,
        halves=second / first,
        memory_growth=all_orders.outcome.memory_peak - few.outcome.memory_peak,
        progress=all_orders.outcome.timing.progress,
    )
