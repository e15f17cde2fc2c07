"""Copying the pending orders of the service without Prefect. The flow has its own tests."""

from order_factory.models.database.engine import begin, reading
from order_factory.tasks.batches.pending import find_waiting_batches, list_batches_to_read
from order_factory.tasks.batches.records import finish_batch, start_batch
from order_factory.tasks.copying.engine import copy_claimed
from order_factory.tasks.read_batch_file import read_batch_file
from order_factory.tasks.working_set.claims import claim_pending, claim_single


def drain() -> None:
    """Copy all single factories, read the waiting files, and copy all batches."""
    with begin() as db:
        size = claim_single(db, limit=10_000)
        assert not size or copy_claimed(db, size, None).stuck == []
    with reading() as db:
        files = list_batches_to_read(db)
    for batch in files:
        read_batch_file.fn(batch, 10_000, lambda: None)
    with reading() as db:
        batches = find_waiting_batches(db)
    for batch in batches:
        with begin() as db:
            start_batch(db, batch, None)
            size = claim_pending(db, batch, limit=10_000)
            assert not size or copy_claimed(db, size, None).stuck == []
            finish_batch(db, batch)
