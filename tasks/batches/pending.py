"""The pending work of the HTTP service: what the API recorded and no run has copied yet."""

from sqlalchemy import Connection, and_, exists, select

from order_factory.models.tables import OrderFactory, OrderFactoryBatch
from order_factory.models.values.statuses import BatchStatus
from order_factory.tasks.payments.claiming import Scope, count_due
from order_factory.tasks.working_set.claims import is_to_copy
from order_factory.tasks.working_set.statements import table_of

_batch = table_of(OrderFactoryBatch)
_UNFINISHED = (BatchStatus.PENDING, BatchStatus.IN_PROGRESS)


# A batch that was sent as a file, and whose file is not read yet.
IS_TO_READ = and_(_batch.c.file_id.is_not(None), _batch.c.status == BatchStatus.PENDING)
# Neither a batch nor a flow run owns it.
HAS_NO_OWNER = and_(OrderFactory.batch_id.is_(None), OrderFactory.flow_run_id.is_(None))


def is_single_waiting(db: Connection) -> bool:
    """Whether a single copy of the service waits."""
    return bool(db.scalar(select(exists().where(is_to_copy, HAS_NO_OWNER))))


def is_anything_waiting(db: Connection) -> bool:
    """Whether a single copy, a payment, a file, or a batch to drain or finish waits."""
    return (
        is_single_waiting(db)
        or bool(count_due(db, Scope()))
        or bool(find_waiting_batches(db))
        or is_file_waiting(db)
    )


def is_file_waiting(db: Connection) -> bool:
    """Whether the file of a batch is to be read."""
    return bool(db.scalar(select(exists().where(IS_TO_READ))))


def list_batches_to_read(db: Connection) -> list[int]:
    """Return the keys of the batches whose files are to be read, oldest first."""
    return list(db.scalars(select(_batch.c.id).where(IS_TO_READ).order_by(_batch.c.id)))


def find_waiting_batches(db: Connection) -> list[int]:
    """Return the keys of the unfinished batches that the service drains, oldest first.

    Batches whose file is still to be read are left out.
    """
    rows = select(_batch.c.id).where(_batch.c.drained_by_service, _batch.c.status.in_(_UNFINISHED))
    rows = rows.where(_batch.c.file_id.is_(None))
    return list(db.scalars(rows.order_by(_batch.c.id)))
