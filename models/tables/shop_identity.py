"""The identity of the shop: its own id, and the place of its database."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Integer, String, func
from sqlalchemy.orm import Mapped, mapped_column

from order_factory.models.tables.base import Base


class ShopIdentity(Base):
    """One row, created with the tables.

    `shop_id` is random, and the idempotency keys of payments are derived from it. `place` is where
    the database is (see `order_factory.models.database.identity`): a copy of the database still has
    the place of the original. `adopted_at` is the time when a person adopted this place.
    """

    __tablename__ = "shop_identity"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    shop_id: Mapped[str] = mapped_column(String(32))
    place: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    adopted_at: Mapped[datetime | None]
