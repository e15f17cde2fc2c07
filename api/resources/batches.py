"""Order factory batches: many copies in one request. They are not in the reference."""

from typing import Any
from uuid import uuid4

from pydantic import ValidationError
from sqlalchemy import Connection, exists, select, update

from order_factory.api.errors import conflict
from order_factory.api.resources import writables
from order_factory.api.resources.attributes import (
    common,
    flag,
    integer,
    json_object,
    own_mode,
    text,
    time,
)
from order_factory.api.resources.batch_progress import complete_progress, computed
from order_factory.api.resources.description import (
    UPLOADED,
    Attribute,
    Broken,
    Hooks,
    Relationship,
    ResourceType,
    Row,
    Through,
    Type,
    Values,
)
from order_factory.models.errors import SelectionInvalid
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.requests.order_filters import OrderFilter
from order_factory.models.tables import OrderFactory, OrderFactoryBatch
from order_factory.models.tables.base import utc_now
from order_factory.models.values.copy_options import CHANGES, OPTIONS
from order_factory.models.values.error_policies import ErrorPolicy
from order_factory.models.values.order_filter_fields import FILTER_FIELDS, Kind
from order_factory.models.values.public_ids import Resource as PublicIds
from order_factory.models.values.public_ids import public_id
from order_factory.models.values.statuses import BatchStatus, Mode
from order_factory.tasks.batches.stopping import resume_batch, stop_batch
from order_factory.tasks.working_set.statements import table_of

_batch = table_of(OrderFactoryBatch)
_ABORT, _RESUME = "_abort", "_resume"
_FIELDS = ", ".join(field.name for field in FILTER_FIELDS if field.kind is not Kind.MODE)


def _fill(db: Connection, mode: str, values: Values, known: Row | None) -> None:
    if known is not None:
        _update(db, values, known)
        return
    # References are unique across both modes. The message must not reveal the other mode.
    reference = values.get("reference") or f"api-{uuid4().hex}"
    values["reference"] = reference
    if db.scalar(select(exists().where(_batch.c.reference == reference))):
        raise conflict("reference has already been taken.", pointer="/data/attributes/reference")
    orders_where, file = values.get("orders_where"), values[UPLOADED]
    given = (file is not None, orders_where is not None, bool(values.get("source_orders")))
    if file is not None and sum(given) > 1:
        raise Broken(
            "can't be given with a file",
            "source_orders" if orders_where is None else "orders_where",
        )
    if sum(given) != 1:
        raise Broken("can't be blank without orders_where, nor given with it", "source_orders")
    if values.get("dry_run") and file is None:
        raise Broken("is for a batch that is sent as a file", "dry_run")
    if orders_where is not None:
        values["orders_where"] = _parse_order_filter(orders_where, mode)


def _update(db: Connection, values: Values, known: Row) -> None:
    stop, resume = values.pop(_ABORT, False), values.pop(_RESUME, False)
    if stop and resume:
        raise Broken(f"can't be given with {_ABORT}", _RESUME)
    if stop:
        if known["status"] in (BatchStatus.COMPLETED, BatchStatus.FAILED):
            raise Broken(f"cannot be stopped: the batch is {known['status']}", _ABORT)
        stop_batch(db, known["id"], utc_now())
    if resume:
        if known["status"] != BatchStatus.ABORTED:
            raise Broken("cannot be resumed: the batch is not stopped", _RESUME)
        if not resume_batch(db, known["id"], utc_now()):
            raise Broken("cannot be resumed: it has no stopped copy; send its file again", _RESUME)


def _parse_order_filter(fields: dict[str, Any], mode: str) -> OrderFilter:
    """Return the filter for the orders of the token's mode. Raises `Broken`."""
    if "mode" in fields:
        raise Broken("must not name a mode: it is the token's", "orders_where")
    try:
        return OrderFilter.model_validate(fields | {"mode": mode})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        raise Broken(f"is invalid at {place}: {message}", "orders_where") from error


def _insert(db: Connection, mode: str, values: Values) -> int:
    """Record the batch and a pending factory for each order; the service makes the copies."""
    # pandas takes half a second to import, and most services never need it.
    from order_factory.tasks.selections.checking import check_selection
    from order_factory.tasks.selections.file_batches import record_file_batch
    from order_factory.tasks.selections.reading import read_selection
    from order_factory.tasks.selections.recording import record_filtered, record_rows

    policy = ErrorPolicy(values.get("error_policy") or ErrorPolicy.REJECT_FAILED)
    options = CopyOptions(**{name: values[name] for name in (*OPTIONS, *CHANGES) if name in values})
    if policy == ErrorPolicy.SKIP_ERRORS:
        options = options.model_copy(update={"skip_errors": True})
    orders_where, file = values.get("orders_where"), values[UPLOADED]
    own = {name: values[name] for name in ("reference_origin", "metadata") if name in values}
    if file is not None:
        key = record_file_batch(
            db,
            values["reference"],
            Mode(mode),
            file,
            options,
            policy,
            dry_run=bool(values.get("dry_run")),
        )
        if own:
            db.execute(update(_batch).where(_batch.c.id == key).values(**own))
        return key
    try:
        if orders_where is not None:
            key = record_filtered(db, values["reference"], orders_where, options, policy)
        else:
            orders = [public_id(PublicIds.orders, key) for key in values["source_orders"]]
            selection = check_selection(read_selection(orders), options)
            key = record_rows(db, values["reference"], selection, policy)
    except SelectionInvalid as error:
        name = "source_orders" if orders_where is None else "orders_where"
        raise Broken(error.args[1][0], name) from error
    in_mode = update(_batch).where(_batch.c.id == key)
    db.execute(in_mode.values(drained_by_service=True, **own))
    return key


ORDER_FACTORY_BATCHES = ResourceType(
    "order_factory_batches",
    ids=PublicIds.order_factory_batches,
    table=_batch,
    scope=own_mode,
    attributes=(
        text("selection", nullable=False, meaning="What was asked for, in words."),
        text("status", nullable=False, one_of=tuple(BatchStatus)),
        flag("dry_run", meaning="Nothing is copied; the report says how the batch would end."),
        Attribute(
            "error_policy",
            Type.TEXT,
            lambda row: row["options"].get("error_policy", ErrorPolicy.REJECT_FAILED),
            nullable=False,
            one_of=tuple(ErrorPolicy),
            meaning="What happens when some orders have errors.",
        ),
        integer(
            "orders_count",
            nullable=False,
            meaning="Number of requested copies; 0 until the file is read.",
        ),
        computed("finished_count", Type.INTEGER, "How many of them have ended."),
        computed("orders_per_second", Type.NUMBER, "How fast they end; null if none is under way."),
        computed("seconds_left", Type.INTEGER, "When all will have ended at this rate."),
        integer("errors_count", nullable=False, meaning="How many rows of the file are wrong."),
        json_object(
            "errors_log", meaning="What is wrong with the file, line by line; null if nothing is."
        ),
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
            meaning="The orders that are copied; instead of naming them, give orders_where.",
        ),
    ),
    writables=(
        *writables.copy_options(update=False),
        *writables.copy_changes(update=False),
        writables.json_object(
            "orders_where",
            update=False,
            meaning=f"Which orders to copy: {_FIELDS}.",
        ),
        writables.choice(
            "error_policy",
            tuple(ErrorPolicy),
            update=False,
            nullable=False,
            meaning="reject_failed copies the other orders, skip_errors also the valid parts of "
            "orders with errors, reject_everything copies nothing.",
        ),
        writables.flag(
            "dry_run",
            update=False,
            meaning="Report how the batch would end, and copy nothing; for a batch sent as a file.",
        ),
        writables.flag(
            _RESUME,
            create=False,
            meaning="Let a stopped batch go on with the copies that were aborted.",
        ),
        writables.flag(
            _ABORT,
            create=False,
            meaning="Stop the batch: the copies that are not begun are aborted.",
        ),
        writables.text("reference", update=False),
        writables.text("reference_origin"),
        writables.json_object("metadata"),
    ),
    creatable=True,
    takes_file=True,
    updatable=True,
    hooks=Hooks(fill=_fill, insert=_insert),
    complete=complete_progress,
    meaning="Many copies that are asked for together; its report counts what became of them.",
)
