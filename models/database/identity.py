"""The identity of a shop, and whether this database is at the shop's place.

A copy of a shop's database has the same orders, subscriptions and cards. If it could reach payment
gateways and customers, it would charge and notify the same people. So it contacts nobody until a
person adopts it.
"""

import secrets
from datetime import datetime

from sqlalchemy import Connection, select, update

from order_factory.models.database.place import read_place
from order_factory.models.errors import OrderFactoryError
from order_factory.models.tables.base import utc_now
from order_factory.models.tables.shop_identity import ShopIdentity

_row = ShopIdentity.__table__.c


class NotTheShop(OrderFactoryError):
    """The arguments are the place that the database records, and the place where it is."""

    status, code = 503, "not_the_shop"
    detail = (
        "This database is a copy, or was moved: it belongs to the place ({}), and is at ({}). No "
        "payment gateway is called, no webhook and no notice is sent, and payments wait. If the "
        "shop lives here from now on, run `order-factory adopt`; for a test shop, run "
        "`order-factory adopt --as-test`"
    )


def shop_id(db: Connection) -> str:
    """Return the id of the shop."""
    return str(db.scalar(select(_row.shop_id)))


def explain_cut_off(db: Connection) -> NotTheShop | None:
    """Return the reason why this database must contact nobody, or None for the shop itself."""
    own = db.scalar(select(_row.place))
    here = read_place(db)
    return None if own == here else NotTheShop(own or "none", here)


def adopt_place(db: Connection, *, new_id: bool = False) -> datetime:
    """Make this the place of the shop, and return the time. With `new_id` it becomes another shop.

    Without a new id, payments keep the same idempotency keys. If two databases act as the shop, no
    order is paid twice.
    """
    now = utc_now()
    values = {"place": read_place(db), "adopted_at": now}
    if new_id:
        values["shop_id"] = secrets.token_hex(16)
    db.execute(update(ShopIdentity).values(values))
    return now
