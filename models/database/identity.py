"""Which shop a database belongs to, and whether it is where that shop runs.

A copy of a shop's database has the same orders, subscriptions and cards. If it could reach payment
gateways and customers, it would charge and notify the same people. So it contacts nobody until a
person adopts it.
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
    """Takes the place that the database records as its own, and the place where it is."""

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
    """The error that says why this database must contact nobody; None for the shop itself."""
    own = db.scalar(select(_row.place))
    here = place_of(db)
    return None if own == here else NotTheShop(own or "none", here)


def adopt_place(db: Connection, *, new_id: bool = False) -> datetime:
    """Make this the place of the shop, and return the time. With `new_id` it becomes another shop.

    Otherwise the id is kept, so two databases that both act as the shop pay under the same keys.
    """
    now = utc_now()
    values = {"place": place_of(db), "adopted_at": now}
    if new_id:
        values["shop_id"] = secrets.token_hex(16)
    db.execute(update(ShopIdentity).values(values))
    return now
