"""Whether a batch needs coupons, promotions or current prices; most batches do not."""

from typing import NamedTuple

from sqlalchemy import Connection, exists, select

from order_factory.tasks.working_set.tables import copies


class Asked(NamedTuple):
    """What some current copy needs: a check of its coupon, its promotions or its prices."""

    coupons: bool
    promotions: bool
    prices: bool


_some = exists().select_from(copies)
_ASKED = select(
    _some.where(copies.c.coupon_code != ""),
    _some.where(copies.c.apply_promotions),
    _some.where(copies.c.refresh_prices),
)


def find_needs(db: Connection) -> Asked:
    """Return what the current copies need, with one statement."""
    return Asked(*db.execute(_ASKED).one())
