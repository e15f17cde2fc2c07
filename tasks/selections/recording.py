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
    exists,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from order_factory.models.database.foreign_keys import skipping_key_checks
from order_factory.models.errors import InvalidRequest, NothingSelected
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
    fitting_orders,
    resolve_customer,
    without_undated,
)
from order_factory.tasks.selections.requested import COLUMNS, Requested, option_values, request_rows
from order_factory.tasks.selections.staging import asked, empty_stage, named, stage
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
    mine = select(literal(EventName.CREATE.value), OrderFactory.id, at(now))
    mine = mine.where(OrderFactory.batch_id == batch_id)
    names = ["name", "order_factory_id", "created_at"]
    with skipping_key_checks(db, _event):
        db.execute(insert(_event).from_select(names, mine, include_defaults=False))


def _insert_batch(
    db: Connection, reference: str, digest: str, policy: ErrorPolicy, requested: Requested
) -> int:
    """The batch, its factories and their events; the batch's key."""
    now = utc_now()
    batch_id = db.execute(
        insert(_batch)
        .values(
            reference=reference,
            mode=requested.mode,
            status=BatchStatus.PENDING,
            selection=requested.words,
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
    count = execute_and_count(db, insert_factories(requested, batch_id, now))
    if not count:
        raise NothingSelected("The selection", [requested.nothing])
    if policy == ErrorPolicy.REJECT_EVERYTHING:
        refuse_skipped_errors(db, batch_id)
    db.execute(update(_batch).where(_batch.c.id == batch_id).values(orders_count=count))
    record_create_events(db, batch_id, now)
    record_event(db, EventName.BATCH_CREATE, batch_id, requested.mode, now)
    return int(batch_id)


def refuse_skipped_errors(db: Connection, batch_id: int) -> None:
    """Raise `InvalidRequest` if copies of a batch that is all or nothing are to skip errors."""
    partial = _factory.c.stock == StockPolicy.PARTIAL
    skipping = exists().where(_factory.c.batch_id == batch_id, or_(_factory.c.skip_errors, partial))
    if db.scalar(select(skipping)):
        raise InvalidRequest(
            "With the error policy reject_everything one error stops the whole batch, and some of "
            "its copies are to skip errors, or to copy what is left in stock; choose one of the "
            "two."
        )


def _find_batch(db: Connection, reference: str, digest: str, words: str) -> int | None:
    """The key of the batch with this reference, if there is one.

    `words` say what is asked for now. Raises `InvalidRequest` where the batch was recorded for
    other orders, or with other options.
    """
    known: Row[Any] | None = db.execute(
        select(_batch).where(_batch.c.reference == reference)
    ).one_or_none()
    if known is None:
        return None
    if known.options["selection_digest"] != digest:
        # The words name a file or a filter, but not the rows of a file.
        other = (
            f"with other options, or from other rows ({words})"
            if known.selection == words
            else f"for another selection ({known.selection})"
        )
        raise InvalidRequest(
            f"The batch {known.reference!r} was recorded {other}; give no orders to finish it, or "
            "another reference for these."
        )
    return int(known.id)


def _record(
    db: Connection,
    reference: str,
    asked_for: Iterable[str],
    policy: ErrorPolicy,
    words: str,
    request: Callable[[], Requested],
) -> int:
    """The key of the batch with this reference, recorded now unless it is there already.

    The pieces of `asked_for` make up the same text for the same request.
    """
    sha256 = hashlib.sha256()
    for piece in asked_for:
        sha256.update(piece.encode())
    if policy == ErrorPolicy.REJECT_EVERYTHING:
        sha256.update(policy.encode())
    digest = sha256.hexdigest()
    known = _find_batch(db, reference, digest, words)
    if known is not None:
        return known
    requested = request()
    try:
        with db.begin_nested():
            return _insert_batch(db, reference, digest, policy, requested)
    except IntegrityError:
        # Another run that started at the same time has recorded it; that is committed by now.
        known = _find_batch(db, reference, digest, words)
        if known is None:
            raise
        return known


def _as_json(selection: Selection) -> Iterator[str]:
    """What is asked for as JSON, some rows at a time: the whole would be as large as they are."""
    rows = selection.rows
    if selection.mode != Mode.LIVE:
        yield selection.mode
    yield json.dumps([selection.options, list(rows.columns)])
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = rows.iloc[start : start + _ROWS_AT_ONCE]
        text = part.to_json(orient="values", default_handler=str)
        yield ("," if start else "[") + text[1:-1]
    yield "]"


def record_rows(
    db: Connection,
    reference: str,
    selection: Selection,
    policy: ErrorPolicy = ErrorPolicy.REJECT_FAILED,
) -> int:
    """Record a batch with one pending factory per row of the selection; the batch's key.

    A batch that was recorded under this reference before, from the same rows in the same order,
    is found again. Raises `InvalidRequest` where the reference belongs to another selection, and
    `SelectionInvalid` with every problem of every row.
    """

    def request() -> Requested:
        mode = stage(db, selection)
        given: dict[str, ColumnElement[Any]] = {
            "mode": named.c.mode,
            "source_order_id": named.c.source_order_id,
            **option_values(selection.options),
            **{name: asked.c[name] for name in COLUMNS if name in selection.rows},
        }
        rows = request_rows(given).select_from(asked.join(named, named.c.row == asked.c.row))
        return Requested(selection.name, mode, rows.order_by(asked.c.row), {}, "it names no order")

    if selection.problems:
        stage(db, selection)  # tells them, together with what only the database can see
    batch_id = _record(db, reference, _as_json(selection), policy, selection.name, request)
    empty_stage(db)
    return batch_id


def record_filtered(
    db: Connection,
    reference: str,
    wanted: OrderFilter,
    options: CopyOptions,
    policy: ErrorPolicy = ErrorPolicy.REJECT_FAILED,
) -> int:
    """Record a batch of the orders that fit a filter now; the batch's key.

    A batch that was recorded under this reference before, for the same filter and options, is
    found again with the orders that fitted then. Raises `InvalidRequest` where the reference
    belongs to another selection, and `SelectionInvalid` for an unknown customer, and where no
    order fits.
    """
    wanted = resolve_customer(db, wanted)
    if undated := count_undated(db, wanted):
        log_line(without_undated(undated))
    text = json.dumps([wanted.model_dump(mode="json"), options.choices()])
    return _record(
        db, reference, [text], policy, wanted.in_words(), lambda: fitting_orders(wanted, options)
    )


def record_failed(
    db: Connection,
    reference: str,
    failed_of: str,
    options: CopyOptions,
    policy: ErrorPolicy = ErrorPolicy.REJECT_FAILED,
) -> int:
    """Record a batch that tries the failed copies of an earlier one again; the batch's key.

    Started again under its reference it is found again. Raises `BatchNotFound` for an unknown
    earlier batch, `InvalidRequest` where the reference belongs to another selection, and
    `SelectionInvalid` where nothing is left to try again.
    """
    text = json.dumps([{"failed_of": failed_of}, options.choices()])
    return _record(
        db, reference, [text], policy, failed_of, lambda: failed_copies(db, failed_of, options)
    )
