"""The watchdog of the renewals: it needs the database alone, and so notices that Prefect is down."""

import json
import os
from datetime import datetime
from urllib.error import URLError
from urllib.request import Request, urlopen

from order_factory.models.database.engine import reading
from order_factory.models.tables.base import utc_now
from order_factory.tasks.subscriptions.overdue import Overdue, read_overdue

NOTIFY_URL = "ORDER_FACTORY_NOTIFY_URL"
_SECONDS = 10.0


def overdue_now() -> Overdue | None:
    """What should have been renewed by now and was not, if anything."""
    with reading() as db:
        return read_overdue(db, utc_now())


def describe_overdue(overdue: Overdue) -> str:
    """A sentence for people, the same wherever it is shown."""
    what = "renewal is" if overdue.count == 1 else "renewals are"
    return (
        f"{overdue.count:,} {what} overdue since {shown_time(overdue.since)}: no run takes up what "
        "is due. Check Prefect's worker and the schedule of run-order-subscriptions/hourly."
    )


def shown_time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def notify(text: str) -> bool:
    """Post `{"text": ...}` to ORDER_FACTORY_NOTIFY_URL; whether it is set and took it."""
    url = os.environ.get(NOTIFY_URL)
    if not url:
        return False
    request = Request(
        url, json.dumps({"text": text}).encode(), {"Content-Type": "application/json"}
    )
    try:
        urlopen(request, timeout=_SECONDS).close()
    except (URLError, OSError, ValueError):
        return False
    return True
