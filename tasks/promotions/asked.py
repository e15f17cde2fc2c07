"""Whether a batch has anything to do with coupons, promotions or today's prices; most have not."""

from typing import NamedTuple

from sqlalchemy import Connection, exists, select

from order_factory.tasks.working_set.tables import copies


class Asked(NamedTuple):
    """What some copy in hand needs: its coupon checked, its promotions or its prices computed."""

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
    """What the copies in hand need; one statement."""
    return Asked(*db.execute(_ASKED).one())
