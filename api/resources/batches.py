"""Order factory batches: many copies that are asked for together. Ours, beyond the reference."""

from uuid import uuid4

from sqlalchemy import Connection, update

from api.errors import conflict
from api.resources import writables
from api.resources.attributes import common, integer, own_mode, text, time
from api.resources.description import (
    Broken,
    Hooks,
    Relationship,
    ResourceType,
    Row,
    Through,
    Values,
)
from models import OrderFactory, OrderFactoryBatch
from models.errors import SelectionInvalid
from models.public_ids import Resource as PublicIds
from models.public_ids import public_id
from models.requests import CopyOptions
from models.statuses import BatchStatus
from tasks.inserts import table_of

_FLAGS = ("place_target_order", "reuse_wallet", "skip_errors")
_batch = table_of(OrderFactoryBatch)


def _fill(db: Connection, _mode: str, values: Values, _known: Row | None) -> None:
    # Whether it is another mode's is not told: references are unique across both.
    from tasks.selections.recording import find_batch

    reference = values.get("reference") or f"api-{uuid4().hex}"
    values["reference"] = reference
    if find_batch(db, reference) is not None:
        raise conflict("reference has already been taken.", pointer="/data/attributes/reference")


def _insert(db: Connection, _mode: str, values: Values) -> int:
    """Record the batch, a pending factory for each order, and that the service makes the copies."""
    # pandas takes half a second to import, and most services never see a batch.
    from tasks.selections.checking import check_selection
    from tasks.selections.reading import read_selection
    from tasks.selections.recording import record_batch

    orders = [public_id(PublicIds.orders, key) for key in values["source_orders"]]
    options = CopyOptions(**{name: values[name] for name in _FLAGS if name in values})
    name, frame = read_selection(orders)
    selection = check_selection(name, frame, options)
    try:
        key = record_batch(db, values["reference"], name, selection)
    except SelectionInvalid as error:
        raise Broken(error.args[1][0], "source_orders") from error
    own = {name: values[name] for name in ("reference_origin", "metadata") if name in values}
    mine = update(_batch).where(_batch.c.id == key)
    db.execute(mine.values(drained_by_service=True, **own))
    return key


ORDER_FACTORY_BATCHES = ResourceType(
    "order_factory_batches",
    ids=PublicIds.order_factory_batches,
    table=_batch,
    scope=own_mode,
    attributes=(
        text("status", nullable=False, one_of=tuple(BatchStatus)),
        integer("orders_count", nullable=False, meaning="How many copies were asked for."),
        time("started_at"),
        time("completed_at"),
        *common(),
    ),
    relationships=(
        Relationship("order_factories", "order_factories", near="id", far="batch_id", many=True),
        Relationship(
            "source_orders",
            "orders",
            near="id",
            far="id",
            many=True,
            through=Through(table_of(OrderFactory), near="batch_id", far="source_order_id"),
            writable=True,
            required=True,
            meaning="The orders that are copied.",
        ),
    ),
    writables=(*(writables.flag(name) for name in _FLAGS), *writables.common()),
    creatable=True,
    hooks=Hooks(fill=_fill, insert=_insert),
    meaning="Many copies that are asked for together; its report counts what became of them.",
)
