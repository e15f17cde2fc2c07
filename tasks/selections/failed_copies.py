"""Select the failed copies of an earlier batch for one retry each."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, select
from sqlalchemy.orm import aliased

from order_factory.models.errors import BatchNotFound
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.tables import OrderFactory, OrderFactoryBatch
from order_factory.models.values.counts import format_count
from order_factory.models.values.statuses import FactoryStatus, Mode
from order_factory.tasks.selections.requested import COLUMNS, Requested, option_values, request_rows
from order_factory.tasks.working_set.statements import table_of

_batch = table_of(OrderFactoryBatch)
_factory = table_of(OrderFactory)
_retry = aliased(OrderFactory)
_retried = exists().where(_retry.retry_of_id == _factory.c.id)
_has_target = _factory.c.target_order_id.is_not(None)


def _describe_left_out(copied: int, retried: int) -> list[str]:
    notes = []
    if copied:
        notes.append(
            f"{copied} left out, copied but not placed: place {'it' if copied == 1 else 'them'} instead"
        )
    if retried:
        notes.append(f"{retried} left out, tried again already")
    return notes


def _options(options: CopyOptions) -> dict[str, ColumnElement[Any]]:
    """Return each copy's own options, overridden by given options that are not the default."""
    given, defaults = options.choices(), CopyOptions().choices()
    own = {name: value for name, value in given.items() if value != defaults[name]}
    return {name: _factory.c[name] for name in given} | option_values(own)


def failed_copies(db: Connection, reference: str, options: CopyOptions) -> Requested:
    """Select a new copy per failed factory of the batch, with the same options.

    Factories that were copied but not placed are left out, since they have their target order.
    Factories that were retried are left out too: to retry a failed retry, name its own batch.
    Raises `BatchNotFound`.
    """
    # Another retry of the same batch waits here, and then sees the retries of this transaction.
    record = db.execute(
        select(_batch.c.id, _batch.c.mode).where(_batch.c.reference == reference).with_for_update()
    ).one_or_none()
    if record is None:
        raise BatchNotFound(reference)
    failed = and_(_factory.c.batch_id == record.id, _factory.c.status == FactoryStatus.FAILED)
    count, copied, retried = db.execute(
        select(
            func.count(),
            func.count().filter(_has_target),
            func.count().filter(_retried),
        )
        .select_from(_factory)
        .where(failed)
    ).one()
    carried = {name: _factory.c[name] for name in COLUMNS}
    rows = request_rows(carried | _options(options) | {"retry_of_id": _factory.c.id})
    left_out = _describe_left_out(copied, retried)
    retry_count = count - copied - retried
    return Requested(
        description="; ".join(
            [
                f"{format_count(retry_count, 'failed copy', 'failed copies')} of batch {reference!r}",
                *left_out,
            ]
        ),
        mode=Mode(record.mode),
        rows=rows.where(failed, ~_has_target, ~_retried).order_by(_factory.c.id),
        details={"failed_of": reference, **options.choices()},
        empty_message="; ".join(
            [f"batch {reference!r} has no failed copy to try again", *left_out]
        ),
    )
