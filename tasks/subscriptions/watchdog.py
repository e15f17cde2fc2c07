"""The watchdog of renewals. It needs only the database, so it works when Prefect is down."""

import json
import os
from datetime import datetime
from urllib.error import URLError
from urllib.request import Request, urlopen

from sqlalchemy.exc import SQLAlchemyError

from order_factory.models.database.engine import reading
from order_factory.models.database.identity import explain_cut_off
from order_factory.models.errors import OrderFactoryError
from order_factory.models.tables.base import utc_now
from order_factory.tasks.subscriptions.overdue import Overdue, read_overdue

NOTIFY_URL = "ORDER_FACTORY_NOTIFY_URL"
_SECONDS = 10.0


def find_overdue_now() -> Overdue | None:
    """Return the renewals that are overdue now, if any."""
    with reading() as db:
        return read_overdue(db, utc_now())


def describe_overdue(overdue: Overdue) -> str:
    """Return the message about overdue renewals, for the command line, API and notifications."""
    renewals = "renewal is" if overdue.count == 1 else "renewals are"
    return (
        f"{overdue.count:,} {renewals} overdue since {format_time(overdue.since)}: no run copies "
        "the due orders. Check Prefect's worker and the schedule of run-order-subscriptions/hourly."
    )


def format_time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def is_cut_off() -> bool:
    """Whether the database is a copy or was moved, so that nobody may be contacted."""
    try:
        with reading() as db:
            return explain_cut_off(db) is not None
    except (OrderFactoryError, SQLAlchemyError):
        return False  # the notice itself reports a database that does not answer


def notify(text: str) -> bool:
    """Post `{"text": ...}` to ORDER_FACTORY_NOTIFY_URL. Returns whether it succeeded.

    A copy of the shop's database posts nothing.
    """
    url = os.environ.get(NOTIFY_URL)
    if not url or is_cut_off():
        return False
    request = Request(
        url, json.dumps({"text": text}).encode(), {"Content-Type": "application/json"}
    )
    try:
        urlopen(request, timeout=_SECONDS).close()
    except (URLError, OSError, ValueError):
        return False
    return True
