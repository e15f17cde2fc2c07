"""Selecting the orders of a batch from the database."""

import pandas as pd
from sqlalchemy import Connection, exists, select
from sqlalchemy.orm import aliased

from models import Order
from models.public_ids import Resource, public_id
from models.statuses import Mode, OrderStatus

_PLACED = (OrderStatus.PLACED, OrderStatus.APPROVED)


def placed_originals(db: Connection, mode: Mode, limit: int | None) -> pd.DataFrame:
    """The placed orders that are no copies, the earliest first: the column `source_order`.

    An order is named by its number, or by its public id where that would be ambiguous.
    """
    same = aliased(Order)
    elsewhere = exists().where(
        same.number == Order.number, same.mode.in_([other for other in Mode if other != mode])
    )
    rows = (
        select(Order.id, Order.number, elsewhere)
        .where(Order.mode == mode, Order.status.in_(_PLACED), Order.order_factory_id.is_(None))
        .order_by(Order.placed_at, Order.id)
        .limit(limit)
    )
    names = [
        public_id(Resource.orders, key) if ambiguous or number is None else number
        for key, number, ambiguous in db.execute(rows)
    ]
    return pd.DataFrame({"source_order": pd.Series(names, dtype=object)})
