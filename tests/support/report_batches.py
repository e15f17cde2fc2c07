"""Batches for reports, with rows as copying leaves them."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from order_factory.models.tables import CopyError, Order, OrderFactory, OrderFactoryBatch
from tests.support.shop import SOME_DAY, Shop


def time_at(seconds: float) -> datetime:
    """The time this many seconds after the start of the batch."""
    return SOME_DAY + timedelta(seconds=seconds)


class Batch:
    """A batch; its factories are added one by one."""

    def __init__(
        self, shop: Shop, reference: str = "night", *, prefix: str = "N", **values: Any
    ) -> None:
        self._shop = shop
        self._numbers = (f"{prefix}{nth}" for nth in count(1))
        defaults = {"selection": "orders.csv", "options": {}, "orders_count": 0}
        self.id = shop.add(
            OrderFactoryBatch,
            reference=reference,
            **{**defaults, "started_at": time_at(0), **values},
        )

    def add_copy(self, began: float = 0, ended: float = 1, **values: Any) -> int:
        """Add a completed factory. The number of its copy is OF and the source's number."""
        number = values.pop("number") if "number" in values else next(self._numbers)
        return self._factory(
            self._order(number),
            status="completed",
            target_order_id=self._order(f"OF{number}" if number else None),
            started_at=time_at(began),
            completed_at=time_at(ended),
            **values,
        )

    def add_failed(self, *messages: str, began: float = 0, ended: float = 1, **values: Any) -> int:
        """Add a factory that failed with these messages about its line items."""
        factory = self._factory(
            self._order(values.pop("number", None) or next(self._numbers)),
            status="failed",
            errors_count=len(messages),
            errors_log={"line_items": list(messages)},
            started_at=time_at(began),
            failed_at=time_at(ended),
            **values,
        )
        for message in messages:
            self._shop.add(
                CopyError,
                order_factory_id=factory,
                field="line_items",
                code="out_of_stock",
                message=message,
            )
        return factory

    def add_pending(self) -> int:
        """Add a pending factory."""
        return self._factory(self._order(next(self._numbers)))

    def _order(self, number: str | None) -> int:
        return self._shop.add(Order, number=number, currency_code="EUR")

    def _factory(self, source: int, **values: Any) -> int:
        return self._shop.add(OrderFactory, batch_id=self.id, source_order_id=source, **values)
