"""The demo's queries about its own orders, the baskets of the households."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, case, exists, func, not_, or_, select
from sqlalchemy.orm import aliased

from order_factory.models.errors import InvalidRequest
from order_factory.models.tables import Customer, LineItem, Order, OrderFactory, Sku
from order_factory.models.values.statuses import FactoryStatus, OrderStatus, PaymentStatus

REFERENCE_ORIGIN = "order-factory demo"
# All but a few percent of the baskets are valid.
_MOST_TRIED = 500


def refuse_another_shop(db: Connection, database_url: str) -> None:
    """Raise `InvalidRequest` when the database contains orders that are not the demo's."""
    household = exists().where(
        Customer.id == Order.customer_id, Customer.email.like("household-%@example.com")
    )
    other = select(exists().where(Order.order_factory_id.is_(None), not_(household)))
    if db.scalar(other):
        raise InvalidRequest(
            f"The database {database_url} contains orders that are not the demo's. The demo does "
            "not mix its orders with them. Use another database: "
            "ORDER_FACTORY_DATABASE_URL=sqlite:///var/demo.db"
        )


def find_first_valid(db: Connection, numbers: Sequence[str]) -> str | None:
    """The first of these orders with only valid lines; looks at the first few hundred only."""
    examined = list(numbers[:_MOST_TRIED])
    known = exists().where(Sku.mode == Order.mode, Sku.code == LineItem.sku_code)
    invalid = exists().where(LineItem.order_id == Order.id, or_(LineItem.quantity < 1, not_(known)))
    valid = set(db.scalars(select(Order.number).where(Order.number.in_(examined), not_(invalid))))
    return next((number for number in examined if number in valid), None)


def find_earlier_copy(db: Connection, number: str) -> int | None:
    """The key of the factory with which an earlier demo copied this order as a single copy."""
    is_completed_by_demo = and_(
        OrderFactory.reference_origin == REFERENCE_ORIGIN,
        OrderFactory.status == FactoryStatus.COMPLETED,
    )
    query = select(OrderFactory.id).join(Order, Order.id == OrderFactory.source_order_id)
    return db.scalar(query.where(is_completed_by_demo, Order.number == number).limit(1))


@dataclass(frozen=True)
class PlacedCopies:
    """The number of placed copies, and the cents authorized for them, by currency."""

    orders: int
    authorized_cents: dict[str, int]


def count_placed_copies(db: Connection) -> PlacedCopies:
    """The copies that all demos have placed."""
    authorized = case(
        (Order.payment_status == PaymentStatus.AUTHORIZED, Order.total_amount_with_taxes_cents),
        else_=0,
    )
    rows = select(Order.currency_code, func.count(), func.sum(authorized)).where(
        Order.order_factory_id.is_not(None), Order.status == OrderStatus.PLACED
    )
    by_currency = db.execute(rows.group_by(Order.currency_code)).all()
    return PlacedCopies(
        sum(orders for _, orders, _ in by_currency),
        {currency: cents for currency, _, cents in by_currency},
    )


def count_copied_elsewhere(db: Connection, batch_id: int) -> int:
    """The number of orders of the batch that also have a copy from another batch."""
    other = aliased(OrderFactory)
    copied = exists().where(
        other.source_order_id == OrderFactory.source_order_id,
        other.batch_id != batch_id,
        other.target_order_id.is_not(None),
    )
    statement = select(func.count()).select_from(OrderFactory)
    return db.scalar(statement.where(OrderFactory.batch_id == batch_id, copied)) or 0


def find_first_failed(db: Connection, batch_id: int) -> tuple[int, str] | None:
    """The key of the batch's first failed factory, and the number of its source order."""
    failed = (
        select(OrderFactory.id, Order.number)
        .join(Order, Order.id == OrderFactory.source_order_id)
        .where(OrderFactory.batch_id == batch_id, OrderFactory.status == FactoryStatus.FAILED)
        .order_by(OrderFactory.id)
        .limit(1)
    )
    row = db.execute(failed).one_or_none()
    return None if row is None else (row[0], str(row[1]))
