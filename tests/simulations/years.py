"""A year of subscriptions on a clock that a test moves, held against a calendar of its own.

`python -m tests.simulations.years --subscriptions 10000` runs it in the database of the settings, which it
fills, with schedulers that are killed.
"""

import argparse
import random
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from time import monotonic, sleep
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select, update

from order_factory.models.database.engine import begin, reading
from order_factory.models.database.schema import upgrade
from order_factory.models.tables import OrderFactory, OrderSubscription, Sku
from order_factory.models.values.frequencies import FREQUENCIES
from order_factory.tasks.verify import verify
from order_factory.tasks.working_set.statements import table_of
from tests.support.calendars import compute_period, list_crontab_periods
from tests.support.crashes.forked import ForkedProcess
from tests.support.shop import Shop
from tests.support.subscriptions import LATE_AFTER, make_placeable_order, run_due

# A year with a leap day, and with both changes of the clocks.
BEGIN, END = datetime(2027, 9, 1, tzinfo=UTC), datetime(2028, 9, 1, tzinfo=UTC)
ZONES = ("UTC", "Europe/Rome", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
CRONTABS = ("0 9 * * 1", "30 2 1 * *", "15 2 31 * *", "0 12 1-5 * *", "30 */12 * * SUN")
COUNTED = ("every 2 weeks", "every 10 days", "every 5 months")
CATCH_UP = ("one", "all", "none")
# As in a shop: hardly any are hourly, most are monthly.
WEIGHTS = dict.fromkeys(FREQUENCIES, 6) | {"hourly": 0.01, "daily": 1, "weekly": 8, "monthly": 60}
_subscription = table_of(OrderSubscription)


@dataclass(frozen=True)
class Run:
    """A run of the scheduler at a moment of its clock; one that was killed may have done anything."""

    now: datetime
    completed: bool = True


def fill(shop: Shop, count: int, chance: random.Random) -> None:
    """So many active subscriptions, of all frequencies, zones and policies."""
    orders = [make_placeable_order(shop) for _ in range(10)]
    with begin() as db:
        db.execute(update(Sku).values(do_not_track=True))
    rows = []
    for nth_row in range(count):
        frequency = (
            chance.choice([*CRONTABS, *COUNTED])
            if chance.random() < 0.1
            else chance.choices([*WEIGHTS], [*WEIGHTS.values()])[0]
        )
        # Many begin at the end of a month, and in the hours that clocks skip or show twice.
        day = chance.choice([29, 30, 31, chance.randint(1, 28)])
        start = datetime(
            2027, 8, day, chance.choice([0, 1, 2, 7, 15]), 30, nth_row % 60, tzinfo=UTC
        )
        zone = chance.choice(ZONES)
        rows.append(
            {
                "number": f"S{nth_row}",
                "status": "active",
                "frequency": frequency,
                "time_zone": zone,
                "source_order_id": chance.choice(orders),
                "starts_at": start,
                "catch_up": chance.choice(CATCH_UP),
                "next_run_at": next(iter(periods_of(frequency, start, zone))),
            }
        )
    with begin() as db:
        db.execute(insert(_subscription), rows)


def moments(chance: random.Random, hours: float) -> list[datetime]:
    """When the scheduler runs: about every so many hours, with pauses, and a clock that is set back."""
    now, runs = BEGIN, []
    while now < END:
        runs.append(now)
        if chance.random() < 0.03:
            runs.append(now - timedelta(hours=chance.uniform(0, 5)))
        pause = chance.uniform(24, 24 * 12) if chance.random() < 0.01 else 0
        now += timedelta(hours=chance.uniform(0.5, 1.5) * hours + pause)
    return [*runs, END]


@cache
def periods_of(frequency: str, begun: datetime, zone: str) -> Sequence[datetime]:
    """All periods after the start and up to the end, by the independent calendar."""
    if frequency in CRONTABS:
        return _crontab_periods_of(frequency, zone, begun)
    periods: list[datetime] = []
    count = 1
    while not periods or periods[-1] <= END:
        periods.append(compute_period(frequency, begun, ZoneInfo(zone), count))
        count += 1
    return periods


def _crontab_periods_of(frequency: str, zone: str, begun: datetime) -> Sequence[datetime]:
    every = _whole_crontab(frequency, zone)
    return every[bisect_right(every, begun) :]


@cache
def _whole_crontab(frequency: str, zone: str) -> Sequence[datetime]:
    first, last = datetime(2027, 8, 1, tzinfo=UTC), END + timedelta(days=70)
    return sorted(list_crontab_periods(frequency.split(), first, last, ZoneInfo(zone)))


def problems(runs: Sequence[Run]) -> Iterable[str]:
    """What differs from the independent calendar, and the invariants that are broken."""
    with reading() as db:
        rows = db.execute(select(_subscription)).all()
        copies = db.execute(select(table_of(OrderFactory))).all()
        yield from (f"{each.name} is broken" for each in verify(db).invariants if each.violations)
    made: dict[int, list[datetime]] = {row.id: [] for row in rows}
    for copy in copies:
        made[copy.order_subscription_id].append(copy.period_at)
        if copy.status != "completed":
            yield f"order factory {copy.id} is {copy.status}"
    for row in rows:
        expected = periods_of(row.frequency, row.starts_at, row.time_zone)
        message = f"{row.number}, {row.frequency} from {row.starts_at} in {row.time_zone}"
        copied = set(made[row.id])
        must, may = _choose_periods(row.catch_up, expected, runs)
        if len(copied) != len(made[row.id]):
            yield f"{message}: a period was copied twice"
        if not must <= copied or not copied <= must | may:
            yield f"{message}, {row.catch_up}: lacks {sorted(must - copied)[:3]}, has too many "
            yield f"{sorted(copied - must - may)[:3]}"
        if row.next_run_at != expected[bisect_right(expected, END)]:
            yield f"{message}: the next run is {row.next_run_at}"
        if (row.status, row.occurrencies) != ("active", len(copied)):
            yield f"{message}: {row.status} after {row.occurrencies} of {len(copied)}"


def _choose_periods(
    catch_up: str, expected: Sequence[datetime], runs: Sequence[Run]
) -> tuple[set[datetime], set[datetime]]:
    """The periods that must have been copied, and those that a run which was killed may have."""
    must: set[datetime] = set()
    may: set[datetime] = set()
    before, latest = 0, BEGIN
    for run in runs:
        due = bisect_right(expected, run.now)
        if run.now < latest or due == before:
            continue  # the clock was set back, or nothing has come since
        periods = set(expected[before:due] if catch_up == "all" else expected[due - 1 : due])
        if catch_up == "none":
            periods = {period for period in periods if run.now - period <= LATE_AFTER}
        if run.completed:
            # One that was killed before may have taken what came first.
            must |= periods - may if catch_up == "none" else periods
            before, latest = due, run.now
        may |= periods
    return must, may


def run_killed(now: datetime, seconds: float) -> Run:
    """A run in a process of its own, which is killed after this time if it has not ended."""
    process = ForkedProcess(run_due, now)
    process.join(seconds)
    process.kill()
    process.join()
    return Run(now, completed=process.exitcode == 0)


def main() -> None:
    """Simulate the year and print the result. Raises `SystemExit` if there is a problem."""
    from rich.console import Console

    parser = argparse.ArgumentParser(prog="python -m tests.simulations.years", description=__doc__)
    parser.add_argument("--subscriptions", type=int, default=10_000, help="default %(default)s")
    parser.add_argument(
        "--hours", type=float, default=4.0, help="between runs; default %(default)s"
    )
    options = parser.parse_args()
    upgrade()
    chance, console, started = random.Random(2028), Console(width=120), monotonic()
    fill(Shop(), options.subscriptions, chance)
    runs: list[Run] = []
    for now in moments(chance, options.hours):
        if now != END and chance.random() < 0.05:
            runs.append(run_killed(now, chance.uniform(0.0, 1.5)))
        else:
            run_due(now)
            runs.append(Run(now))
    seconds = monotonic() - started
    sleep(0.1)
    problems_found = list(problems(runs))
    with reading() as db:
        copies = len(db.execute(select(OrderFactory.id)).all())
    killed = sum(not run.completed for run in runs)
    console.print(
        f"{options.subscriptions:,} subscriptions, {len(runs):,} runs, {killed:,} of them killed, "
        f"{copies:,} copies in {seconds:,.0f} s; {len(problems_found):,} problems"
    )
    for problem in problems_found[:20]:
        console.print(problem)
    raise SystemExit(bool(problems_found))


if __name__ == "__main__":
    main()
