"""The first orders of a batch, for its page in Prefect: sources and targets."""

from sqlalchemy import Connection, select
from sqlalchemy.orm import aliased

from order_factory.models.database.dialects import on_sqlite
from order_factory.models.tables import Order, OrderFactory
from order_factory.models.values.public_ids import Resource, public_ids
from order_factory.tasks.working_set.target_orders import TARGET_OR_MERGED

SHOWN = 1_000


def read_first_orders(
    db: Connection, batch_id: int, flow_run_id: str | None = None, shown: int = SHOWN
) -> list[dict[str, str]]:
    """Return a row for each of the first copies: number and id of source and target, and status.

    With `flow_run_id`, only copies that this flow run has ended are returned.
    """
    source, target = aliased(Order), aliased(Order)
    # With `+ 0`, PostgreSQL reads this batch, and not all factories in the order of their keys.
    key = OrderFactory.id if on_sqlite(db) else OrderFactory.id + 0
    first = select(OrderFactory.id).where(OrderFactory.batch_id == batch_id)
    if flow_run_id:
        first = first.where(OrderFactory.flow_run_id == flow_run_id)
    first = first.order_by(key).limit(shown)
    rows = (
        select(
            source.number.label("source_number"),
            source.id.label("source_id"),
            target.number.label("target_number"),
            target.id.label("target_id"),
            OrderFactory.status,
        )
        .join(source, source.id == OrderFactory.source_order_id)
        .outerjoin(target, target.id == TARGET_OR_MERGED)
        .where(OrderFactory.id.in_(first))
        .order_by(OrderFactory.id)
    )
    found = db.execute(rows).all()
    source_ids = public_ids(Resource.orders, [row.source_id for row in found])
    target_ids = public_ids(Resource.orders, [row.target_id for row in found])
    return [
        {
            "source order": row.source_number or "",
            "source id": source_id,
            "status": row.status,
            "target order": row.target_number or "",
            "target id": target_id or "",
        }
        for row, source_id, target_id in zip(found, source_ids, target_ids, strict=True)
    ]
