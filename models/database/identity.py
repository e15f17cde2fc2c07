"""Which shop a database is, and whether it lives where that shop lives.

A copy of a shop's database holds the same orders, subscriptions and cards. If it reached outside,
it would charge and write to the same people. So it reaches nobody until a person adopts it.
"""

import secrets
from datetime import datetime

from sqlalchemy import Connection, select, update

from order_factory.models.database.place import place_of
from order_factory.models.errors import OrderFactoryError
from order_factory.models.tables.base import utc_now
from order_factory.models.tables.shop_identity import ShopIdentity

_row = ShopIdentity.__table__.c


class NotTheShop(OrderFactoryError):
    """Takes the place that the database names as its own, and the place where it is."""

    status, code = 503, "not_the_shop"
    detail = (
        "This database is a copy, or was moved: it belongs to the place ({}), and is at ({}). No "
        "payment gateway is called, no webhook and no notice is sent, and payments wait. If the "
        "shop lives here from now on, run `order-factory adopt`; for a test shop, run "
        "`order-factory adopt --as-test`"
    )


def shop_id(db: Connection) -> str:
    """The shop's own id."""
    return str(db.scalar(select(_row.shop_id)))


def why_cut_off(db: Connection) -> NotTheShop | None:
    """Why this database must reach nobody outside, as an error to show; None where it is the shop."""
    own = db.scalar(select(_row.place))
    here = place_of(db)
    return None if own == here else NotTheShop(own or "none", here)


def adopt_place(db: Connection, *, new_id: bool = False) -> datetime:
    """Make this the place of the shop; when. With `new_id` it is another shop from now on.

    The id is kept otherwise, so that two databases that both take themselves for the shop pay
    under the same keys.
    """
    now = utc_now()
    values = {"place": place_of(db), "adopted_at": now}
    if new_id:
        values["shop_id"] = secrets.token_hex(16)
    db.execute(update(ShopIdentity).values(values))
    return now
