"""The shop's identity: its own id, and the place where its database lives."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Integer, String, func
from sqlalchemy.orm import Mapped, mapped_column

from order_factory.models.tables.base import Base


class ShopIdentity(Base):
    """One row, from the moment when the tables are made.

    `shop_id` is random, and the idempotency keys of payments are derived from it. `place` is where
    the database lives (see `order_factory.models.database.identity`): in a copy of the database
    it names the original's place. `adopted_at` is when a person said that the shop lives here.
    """

    __tablename__ = "shop_identity"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    shop_id: Mapped[str] = mapped_column(String(32))
    place: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    adopted_at: Mapped[datetime | None]
