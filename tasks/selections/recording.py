"""Record a batch: every requested copy becomes a pending factory, in one transaction."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Row,
    bindparam,
    exists,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from order_factory.models.database.foreign_keys import lock_referenced, skipping_key_checks
from order_factory.models.errors import InvalidRequest, NothingSelected, TryAgain
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.requests.order_filters import OrderFilter
from order_factory.models.tables import Event, OrderFactory, OrderFactoryBatch
from order_factory.models.tables.base import utc_now
from order_factory.models.values.error_policies import ErrorPolicy
from order_factory.models.values.event_names import EventName
from order_factory.models.values.statuses import BatchStatus, FactoryStatus, Mode
from order_factory.models.values.stock_policies import StockPolicy
from order_factory.tasks.prefect_ui.run_logs import log_line
from order_factory.tasks.selections.checking import Selection
from order_factory.tasks.selections.failed_copies import failed_copies
from order_factory.tasks.selections.filters import (
    count_undated,
    describe_undated,
    resolve_customer,
    select_filtered_orders,
)
from order_factory.tasks.selections.requested import COLUMNS, Requested, option_values, request_rows
from order_factory.tasks.selections.staging import (
    empty_stage,
    matched_orders,
    requested_rows,
    stage,
)
from order_factory.tasks.working_set.events import record_event
from order_factory.tasks.working_set.statements import (
    at,
    execute_and_count,
    insert_counted,
    table_of,
    times,
)

_ROWS_AT_ONCE = 10_000
_batch, _factory = table_of(OrderFactoryBatch), table_of(OrderFactory)
_event = table_of(Event)
# Of a factory that is recorded for a batch; the batch itself is of the same transaction.
_REFERENCES = [key.parent for key in _factory.foreign_keys if key.parent.key in COLUMNS]


def insert_factories(requested: Requested, batch_id: int, now: datetime) -> Insert:
    """Insert a pending factory per requested copy, in the same order."""
    own: dict[str, ColumnElement[Any]] = {
        "batch_id": literal(batch_id),
        "status": literal(FactoryStatus.PENDING),
        "errors_count": literal(0),
        **times(at(now)),
    }
    rows = requested.rows.add_columns(*own.values())
    return insert_counted(table_of(OrderFactory), [*COLUMNS, *own], rows)


def record_create_events(db: Connection, batch_id: int, now: datetime) -> None:
    """Record the creation event of each factory of the batch, in the same transaction."""
    events = select(literal(EventName.CREATE.value), OrderFactory.id, at(now))
    events = events.where(OrderFactory.batch_id == batch_id)
    names = ["name", "order_factory_id", "created_at"]
    with skipping_key_checks(db, _event):
        db.execute(insert(_event).from_select(names, events, include_defaults=False))


def _insert_batch(
    db: Connection, reference: str, digest: str, policy: ErrorPolicy, requested: Requested
) -> int:
    """Insert the batch, its factories and their events. Returns the batch's id."""
    now = utc_now()
    batch_id = db.execute(
        insert(_batch)
        .values(
            reference=reference,
            mode=requested.mode,
            status=BatchStatus.PENDING,
            selection=requested.description,
            options={
                "selection_digest": digest,
                "error_policy": policy.value,
                **requested.details,
            },
            orders_count=0,
            created_at=now,
            updated_at=now,
        )
        .returning(_batch.c.id)
    ).scalar_one()
    with skipping_key_checks(db, _factory) as locks_rows:
        count = execute_and_count(db, insert_factories(requested, batch_id, now))
    if not count:
        raise NothingSelected("The selection", [requested.empty_message])
    if locks_rows and not lock_referenced(
        db, _factory, _factory.c.batch_id == bindparam("batch"), keys=_REFERENCES, batch=batch_id
    ):
        raise TryAgain("an order was deleted while the batch was recorded")
    if policy == ErrorPolicy.REJECT_EVERYTHING:
        refuse_skipped_errors(db, batch_id)
    db.execute(update(_batch).where(_batch.c.id == batch_id).values(orders_count=count))
    record_create_events(db, batch_id, now)
    record_event(db, EventName.BATCH_CREATE, batch_id, requested.mode, now)
    return int(batch_id)


def refuse_skipped_errors(db: Connection, batch_id: int) -> None:
    """Raise `InvalidRequest` if copies of a batch with `reject_everything` skip errors."""
    partial = _factory.c.stock == StockPolicy.PARTIAL
    skipping = exists().where(_factory.c.batch_id == batch_id, or_(_factory.c.skip_errors, partial))
    if db.scalar(select(skipping)):
        raise InvalidRequest(
            "The error policy reject_everything stops the whole batch at one error, but some of "
            "its copies skip errors or take partial stock. Change the policy or these options."
        )


def _find_batch(db: Connection, reference: str, digest: str, description: str) -> int | None:
    """Return the id of the batch with this reference, if there is one.

    `description` describe the current request. Raises `InvalidRequest` if the batch was recorded
    for other orders or with other options.
    """
    existing: Row[Any] | None = db.execute(
        select(_batch).where(_batch.c.reference == reference)
    ).one_or_none()
    if existing is None:
        return None
    if existing.options["selection_digest"] != digest:
        # The description names a file or a filter, but not the rows of a file.
        difference = (
            f"with other options, or from other rows ({description})"
            if existing.selection == description
            else f"for another selection ({existing.selection})"
        )
        raise InvalidRequest(
            f"The batch {existing.reference!r} was recorded {difference}; give no orders to finish "
            "it, or another reference for these."
        )
    return int(existing.id)


def _record(
    db: Connection,
    reference: str,
    identity: Iterable[str],
    policy: ErrorPolicy,
    description: str,
    request: Callable[[], Requested],
) -> int:
    """Return the id of the batch with this reference; record it if it does not exist.

    The pieces of `identity` are equal for equal requests.
    """
    sha256 = hashlib.sha256()
    for piece in identity:
        sha256.update(piece.encode())
    if policy == ErrorPolicy.REJECT_EVERYTHING:
        sha256.update(policy.encode())
    digest = sha256.hexdigest()
    existing = _find_batch(db, reference, digest, description)
    if existing is not None:
        return existing
    requested = request()
    try:
        with db.begin_nested():
            return _insert_batch(db, reference, digest, policy, requested)
    except IntegrityError:
        # A concurrent run has recorded the batch and committed it.
        existing = _find_batch(db, reference, digest, description)
        if existing is None:
            raise
        return existing


def _dump_json(selection: Selection) -> Iterator[str]:
    """Yield the request as JSON, some rows at a time, because the whole may be large."""
    if selection.mode != Mode.LIVE:
        yield selection.mode
    yield json.dumps([selection.options, list(selection.rows.columns)])
    before = "["
    for part in selection.rows.parts(_ROWS_AT_ONCE):
        rows = list(zip(*part.columns.values(), strict=True))
        # The very text of earlier versions: a batch that one of them has recorded is found.
        text = json.dumps(rows, separators=(",", ":")).replace("/", "\\/")
        yield before + text[1:-1]
        before = ","
    yield "]"


def record_rows(
    db: Connection,
    reference: str,
    selection: Selection,
    policy: ErrorPolicy = ErrorPolicy.REJECT_FAILED,
) -> int:
    """Record a batch with a pending factory per row of the selection. Returns the batch's id.

    If the batch of this reference was recorded from the same rows in the same order, it is
    returned. Raises `InvalidRequest` if the reference belongs to another selection, and
    `SelectionInvalid` with every problem of every row.
    """

    def request() -> Requested:
        mode = stage(db, selection)
        given: dict[str, ColumnElement[Any]] = {
            "mode": matched_orders.c.mode,
            "source_order_id": matched_orders.c.source_order_id,
            **option_values(selection.options),
            **{name: requested_rows.c[name] for name in COLUMNS if name in selection.rows.columns},
        }
        rows = request_rows(given).select_from(
            requested_rows.join(matched_orders, matched_orders.c.row == requested_rows.c.row)
        )
        return Requested(
            selection.name, mode, rows.order_by(requested_rows.c.row), {}, "it names no order"
        )

    if selection.problems:
        stage(db, selection)  # raises them together with the problems that the database finds
    batch_id = _record(db, reference, _dump_json(selection), policy, selection.name, request)
    empty_stage(db)
    return batch_id


def record_filtered(
    db: Connection,
    reference: str,
    order_filter: OrderFilter,
    options: CopyOptions,
    policy: ErrorPolicy = ErrorPolicy.REJECT_FAILED,
) -> int:
    """Record a batch of the orders that match a filter now. Returns the batch's id.

    If the batch of this reference was recorded with the same filter and options, it is returned
    with the orders of that time. Raises `InvalidRequest` if the reference belongs to another
    selection, and `SelectionInvalid` for an unknown customer, or if no order matches.
    """
    order_filter = resolve_customer(db, order_filter)
    if undated := count_undated(db, order_filter):
        log_line(describe_undated(undated))
    text = json.dumps([order_filter.model_dump(mode="json"), options.choices()])
    return _record(
        db,
        reference,
        [text],
        policy,
        order_filter.in_words(),
        lambda: select_filtered_orders(order_filter, options),
    )


def record_failed(
    db: Connection,
    reference: str,
    failed_of: str,
    options: CopyOptions,
    policy: ErrorPolicy = ErrorPolicy.REJECT_FAILED,
) -> int:
    """Record a batch that retries the failed copies of an earlier batch. Returns the batch's id.

    If the batch of this reference exists, it is returned. Raises `BatchNotFound` for an unknown
    earlier batch, `InvalidRequest` if the reference belongs to another selection, and
    `SelectionInvalid` if nothing is left to retry.
    """
    text = json.dumps([{"failed_of": failed_of}, options.choices()])
    return _record(
        db, reference, [text], policy, failed_of, lambda: failed_copies(db, failed_of, options)
    )
