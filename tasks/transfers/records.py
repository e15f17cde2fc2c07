"""The records of exports and imports: their status, progress and end.

Every change of a status writes its event in the same transaction.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, Table, delete, exists, or_, select, update

from order_factory.models.errors import OrderFactoryError
from order_factory.models.tables import Export, Import
from order_factory.models.tables.base import utc_now
from order_factory.models.values.event_names import EventName
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.models.values.statuses import TransferStatus
from order_factory.tasks.stored_files.records import delete_file
from order_factory.tasks.working_set.events import record_event, take_snapshot
from order_factory.tasks.working_set.statements import table_of

exports, imports = table_of(Export), table_of(Import)
_WAITING = (TransferStatus.PENDING, TransferStatus.IN_PROGRESS)
# A transfer that was started this many times is the cause, if its process dies again.
_MOST_TRIES = 5
_EVENTS = {
    ("exports", "create"): EventName.EXPORT_CREATE,
    ("exports", "start"): EventName.EXPORT_START,
    ("exports", "complete"): EventName.EXPORT_COMPLETE,
    ("exports", "interrupt"): EventName.EXPORT_INTERRUPT,
    ("exports", "destroy"): EventName.EXPORT_DESTROY,
    ("imports", "create"): EventName.IMPORT_CREATE,
    ("imports", "start"): EventName.IMPORT_START,
    ("imports", "complete"): EventName.IMPORT_COMPLETE,
    ("imports", "interrupt"): EventName.IMPORT_INTERRUPT,
    ("imports", "destroy"): EventName.IMPORT_DESTROY,
}


class TransferRuns(OrderFactoryError):
    """The transfer is in progress. The arguments are its resource and its public id."""

    status, code = 423, "transfer_in_progress"
    detail = "The {} {} is in progress. Interrupt it before you delete it."


class TransferStopped(OrderFactoryError):
    """A client has interrupted the transfer. Raised between two of its chunks."""

    status, code = 409, "transfer_stopped"
    detail = "A client has interrupted it."


class TooManyErrors(OrderFactoryError):
    """An import without `skip_errors` has too many errors. The argument is their number."""

    status, code = 422, "too_many_errors"
    detail = (
        "{} rows have errors, which is more than 10 % of all rows. Correct them, or import with "
        "skip_errors."
    )


class Transfer(NamedTuple):
    """One export or import, with its columns by name."""

    table: Table
    row: RowMapping

    @property
    def key(self) -> int:
        return int(self.row["id"])

    @property
    def public_id(self) -> str:
        return public_id(Resource[self.table.name], self.key)


def is_transfer_waiting(db: Connection) -> bool:
    """Whether an export or import is pending, or was left unfinished by a dead run."""
    waiting = (exists().where(table.c.status.in_(_WAITING)) for table in (exports, imports))
    return bool(db.scalar(select(or_(*waiting))))


def begin_next(db: Connection, flow_run_id: str | None) -> Transfer | None:
    """Start or continue the oldest waiting import, or else the oldest export.

    Returns None if nothing waits. It may be called only while no other process runs transfers.
    """
    for table in (imports, exports):
        waiting = select(table).where(table.c.status.in_(_WAITING)).order_by(table.c.id).limit(1)
        waiting = waiting.with_for_update()
        row = db.execute(waiting).mappings().one_or_none()
        if row is None:
            continue
        if row["tries"] >= _MOST_TRIES:
            message = f"The processes that ran it died {_MOST_TRIES} times. Ask for less at once."
            interrupt(db, Transfer(table, row), {"base": [message]})
            return begin_next(db, flow_run_id)
        values = {"tries": row["tries"] + 1, "flow_run_id": flow_run_id}
        if row["status"] == TransferStatus.PENDING:
            values |= {"status": TransferStatus.IN_PROGRESS, "started_at": utc_now()}
            record_change(db, table, row["id"], row["mode"], "start")
        _update(db, Transfer(table, row), values)
        return Transfer(table, row)
    return None


def note_progress(db: Connection, transfer: Transfer, counts: Mapping[str, int | None]) -> None:
    """Store the counts. Raises `TransferStopped` if a client has interrupted the transfer."""
    # Progress shows that the transfer does not kill its process.
    _update(db, transfer, {**counts, "tries": 0})
    table = transfer.table
    if db.scalar(select(table.c.must_stop).where(table.c.id == transfer.key)):
        raise TransferStopped


def note_errors(db: Connection, transfer: Transfer, errors_log: dict[str, Any]) -> None:
    """Store the errors of the rows of an import."""
    _update(db, transfer, {"errors_log": errors_log})


def complete(
    db: Connection, transfer: Transfer, values: Mapping[str, Any], *, drops_file: bool = False
) -> None:
    """Mark the transfer as completed. The file of an import is deleted."""
    ended = {"status": TransferStatus.COMPLETED, "completed_at": utc_now(), "must_stop": False}
    _update(db, transfer, {**values, **ended})
    if drops_file and transfer.row["file_id"] is not None:
        delete_file(db, transfer.row["file_id"])
    record_change(db, transfer.table, transfer.key, transfer.row["mode"], "complete")


def interrupt(db: Connection, transfer: Transfer, errors_log: dict[str, Any] | None) -> None:
    """Mark the transfer as interrupted. `errors_log` has the reason, unless it was requested."""
    values = {
        "status": TransferStatus.INTERRUPTED,
        "interrupted_at": utc_now(),
        "must_stop": False,
        "tries": 0,
    }
    if errors_log is not None:
        values["errors_log"] = errors_log
    _update(db, transfer, values)
    record_change(db, transfer.table, transfer.key, transfer.row["mode"], "interrupt")


def delete_transfer(db: Connection, table: Table, key: int) -> None:
    """Delete the record and its file. Raises `TransferRuns` while it is in progress."""
    locked = select(table).where(table.c.id == key).with_for_update()
    row = db.execute(locked).mappings().one_or_none()
    if row is None:
        return
    if row["status"] == TransferStatus.IN_PROGRESS:
        raise TransferRuns(table.name.removesuffix("s"), Transfer(table, row).public_id)
    db.execute(delete(table).where(table.c.id == key))
    if row["file_id"] is not None:
        delete_file(db, row["file_id"])
    snapshot = take_snapshot(dict(row))
    snapshot |= {name: None for name in ("inputs", "errors_log") if name in snapshot}
    record_change(db, table, key, row["mode"], "destroy", snapshot)


def record_change(
    db: Connection,
    table: Table,
    key: int,
    mode: str,
    change: str,
    snapshot: Mapping[str, Any] | None = None,
) -> None:
    """Record the event of a change: create, start, complete, interrupt or destroy."""
    record_event(db, _EVENTS[table.name, change], key, mode, utc_now(), snapshot)


def _update(db: Connection, transfer: Transfer, values: Mapping[str, Any]) -> None:
    statement = update(transfer.table).where(transfer.table.c.id == transfer.key)
    db.execute(statement.values({**values, "updated_at": utc_now()}))
