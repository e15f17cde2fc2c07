"""The goals of this project, and whether a run reached them."""

from collections.abc import Callable, Iterator
from statistics import median

from pydantic import BaseModel

from benchmarks.measurement import Measurement
from benchmarks.slope import Slope


class Goal(BaseModel, frozen=True):
    """One goal on one database: the measured figure, and its lower or upper limit."""

    meaning: str
    database: str
    measured: float
    least: float | None = None
    most: float | None = None

    @property
    def reached(self) -> bool:
        enough = self.least is None or self.measured >= self.least
        return enough and (self.most is None or self.measured <= self.most)


def median_ratio(
    measured: list[Measurement],
    database: str,
    contender: str,
    other: str,
    figure: Callable[[Measurement], float],
) -> float | None:
    """Return the median of the rounds' ratios of two contenders' figures; None without both.

    The ratio is computed per round, because the load of the machine affects both contenders.
    """
    here = [one for one in measured if one.database == database]
    of_other = {one.round: figure(one) for one in here if one.contender == other}
    found = [
        figure(one) / of_other[one.round]
        for one in here
        if one.contender == contender and one.round in of_other
    ]
    return median(found) if found else None


def _rate(one: Measurement) -> float:
    return one.orders_per_second


def _whole_rate(one: Measurement) -> float:
    return one.orders_per_second_whole


def goals(measured: list[Measurement], slopes: list[Slope]) -> Iterator[Goal]:
    """Return the goals that this run measured."""
    for database in dict.fromkeys(one.database for one in measured):
        ratios = (
            ("copying, to the fair limit", "ours", "limit", _rate, 0.85),
            ("two workers, to the limit with two", "ours-2", "limit-2", _rate, 0.85),
            ("whole call, to the limit's", "ours", "limit", _whole_rate, 0.75),
            ("placing by hand, to the limit's", "ours-placed", "limit-placed", _rate, 0.75),
            ("placing by hand, to copying", "ours-placed", "ours", _rate, 0.6),
            ("10 % fail, to none", "ours-failing", "ours", _rate, 0.7),
        )
        for meaning, contender, other, figure, least in ratios:
            rate = median_ratio(measured, database, contender, other, figure)
            if rate is not None:
                yield Goal(meaning=meaning, database=database, measured=rate, least=least)
        costs = [
            one.outcome.timing.copying / empty
            for one in measured
            if one.database == database and (empty := one.outcome.timing.empty)
        ]
        if costs:
            meaning = "a flow run per order, to one of as many empty tasks"
            yield Goal(meaning=meaning, database=database, measured=median(costs), most=1.2)
    for database in dict.fromkeys(one.database for one in slopes):
        here = [one for one in slopes if one.database == database]
        few, every = here[0].few, here[0].all
        yield Goal(
            meaning=f"second half of {every:,} orders, to the first",
            database=database,
            measured=median(one.halves for one in here),
            most=1.15,
        )
        yield Goal(
            meaning=f"MiB more with {every:,} orders than with {few:,}",
            database=database,
            measured=median(one.memory_growth for one in here),
            most=64,
        )
