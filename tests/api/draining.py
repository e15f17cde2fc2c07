"""Copying what waits for the service, without Prefect around it; the flow has tests of its own."""

from models.engine import begin, reading
from tasks.batch_records import finish_batch, start_batch
from tasks.claims import claim_pending, claim_single
from tasks.copying import copy_claimed
from tasks.waiting import waiting_batches


def drain() -> None:
    """Copy all single factories and all batches that wait."""
    with begin() as db:
        size = claim_single(db, limit=10_000)
        assert not size or copy_claimed(db, size, None).stuck == []
    with reading() as db:
        batches = waiting_batches(db)
    for batch in batches:
        with begin() as db:
            start_batch(db, batch, None)
            size = claim_pending(db, batch, limit=10_000)
            assert not size or copy_claimed(db, size, None).stuck == []
            finish_batch(db, batch)
