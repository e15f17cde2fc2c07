"""The changes of an order by name. Each changes the requested orders, or records why it cannot."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection

from order_factory.tasks.orders.cancelling import cancel
from order_factory.tasks.orders.capturing import capture, refund
from order_factory.tasks.orders.changing import (
    approve,
    archive,
    start_editing,
    stop_editing,
    unarchive,
)
from order_factory.tasks.orders.placing import place
from order_factory.tasks.orders.refreshing import refresh, refresh_prices
from order_factory.tasks.orders.voiding import void

CHANGES: dict[str, Callable[[Connection, datetime], None]] = {
    "place": place,
    "cancel": cancel,
    "approve": approve,
    "capture": capture,
    "refund": refund,
    "void": void,
    "archive": archive,
    "unarchive": unarchive,
    "start_editing": start_editing,
    "stop_editing": stop_editing,
    "refresh": refresh,
    "refresh_prices": refresh_prices,
}
