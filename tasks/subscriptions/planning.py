"""Decide which periods of a subscription are copied now, and which period is next."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from order_factory.models.values.frequencies import Calendar
from order_factory.models.values.statuses import CatchUp

# More periods wait for the next transaction, so its size does not depend on the missed time.
MOST_AT_ONCE = 100


@dataclass(frozen=True)
class Plan:
    """The periods to copy, earliest first, and the next period. All times are in UTC."""

    periods: tuple[datetime, ...]
    next_run_at: datetime | None


def make_calendar(row: Any) -> Calendar:
    """Return the calendar of a row with `frequency`, `starts_at` and `time_zone`."""
    return Calendar(row.frequency, row.starts_at, row.time_zone)


def find_first_period(row: Any, after: datetime) -> datetime | None:
    """Return the first period after this time, or None if the subscription expires before."""
    period = make_calendar(row).after(after)
    return None if _is_over(row, period) else period


def plan_periods(row: Row[Any], now: datetime, late_after: timedelta) -> Plan:
    """Return the plan of a subscription whose `next_run_at` is past.

    `catch_up` decides about missed periods: `all` copies each of them, `one` copies the last, and
    `none` copies the last only if it is at most `late_after` late.
    """
    if _is_over(row, row.next_run_at):
        return Plan((), None)
    due, following = _find_due_periods(row, now)
    if row.catch_up == CatchUp.NONE:
        due = [period for period in due if now - period <= late_after]
    return Plan(tuple(due), None if _is_over(row, following) else following)


def _find_due_periods(row: Any, now: datetime) -> tuple[list[datetime], datetime | None]:
    """Return the periods that are due now (all, or only the last), and the next one."""
    calendar = make_calendar(row)
    due, following = [row.next_run_at], calendar.after(row.next_run_at)
    if following is None or following > now:  # nearly always
        return due, following
    for period in calendar.between(row.next_run_at, now):
        if _is_over(row, period) or len(due) == MOST_AT_ONCE:
            break
        due = [*due, period] if row.catch_up == CatchUp.ALL else [period]
    return due, calendar.after(due[-1])


def _is_over(row: Any, period: datetime | None) -> bool:
    return period is None or (row.expires_at is not None and period >= row.expires_at)
