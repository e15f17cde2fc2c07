"""Check that time grows linearly with the number of orders, and that memory does not grow."""

from pydantic import BaseModel

from benchmarks.measurement import Measurement


class Slope(BaseModel, frozen=True):
    """Our measurements with few orders and with all orders.

    `halves` is the ratio of the seconds per order in the second half to the first half.
    `memory_growth` is the additional peak memory with all orders, in MiB. `progress` is the
    progress with all orders.
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
    """Return the figures of the first and the second half, split at the end of a batch."""
    seconds, orders = progress[-1]
    middle, done = min(progress, key=lambda moment: abs(moment[1] - orders / 2))
    return middle / done, (seconds - middle) / (orders - done)


def slope(few: Measurement, all_orders: Measurement) -> Slope:
    """Compare two measurements of the same contender."""
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
