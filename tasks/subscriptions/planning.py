"""Which periods of a subscription are copied now, and which one comes next."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from order_factory.models.values.frequencies import Calendar
from order_factory.models.values.statuses import CatchUp

# A longer list waits for the next transaction, so that no run grows with the time that was missed.
MOST_AT_ONCE = 100


@dataclass(frozen=True)
class Plan:
    """The periods to copy, in their order, and the next one; all in UTC."""

    periods: tuple[datetime, ...]
    next_run_at: datetime | None


def calendar_of(row: Any) -> Calendar:
    """The calendar of a row with `frequency`, `starts_at` and `time_zone`."""
    return Calendar(row.frequency, row.starts_at, row.time_zone)


def first_period(row: Any, after: datetime) -> datetime | None:
    """The first period of a subscription later than this; None where it expires before."""
    period = calendar_of(row).after(after)
    return None if _is_over(row, period) else period


def plan(row: Row[Any], now: datetime, late_after: timedelta) -> Plan:
    """What is to be done about a subscription whose `next_run_at` has come.

    `catch_up` decides about periods that were missed: `all` copies each of them, `one` the last
    of them, and `none` the last one only where it is not more than `late_after` late.
    """
    if _is_over(row, row.next_run_at):
        return Plan((), None)
    due, following = _due(row, now)
    if row.catch_up == CatchUp.NONE:
        due = [period for period in due if now - period <= late_after]
    return Plan(tuple(due), None if _is_over(row, following) else following)


def _due(row: Any, now: datetime) -> tuple[list[datetime], datetime | None]:
    """The periods that have come by now, of them only the last unless all count, and the next."""
    calendar = calendar_of(row)
    due, following = [row.next_run_at], calendar.after(row.next_run_at)
    if following is None or following > now:  # as nearly always
        return due, following
    for period in calendar.between(row.next_run_at, now):
        if _is_over(row, period) or len(due) == MOST_AT_ONCE:
            break
        due = [*due, period] if row.catch_up == CatchUp.ALL else [period]
    return due, calendar.after(due[-1])


def _is_over(row: Any, period: datetime | None) -> bool:
    return period is None or (row.expires_at is not None and period >= row.expires_at)
