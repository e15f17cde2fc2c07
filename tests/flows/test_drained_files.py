"""Files of batches in a drain: read, then copied, tried out, or rejected as a whole."""

from contextlib import closing
from io import BytesIO

import pytest

from order_factory.flows.drain_order_factories import drain_order_factories
from order_factory.models.database.engine import begin, reading
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.tables import OrderFactory, OrderFactoryBatch, StoredFile
from order_factory.models.values.error_policies import ErrorPolicy
from order_factory.models.values.statuses import Mode
from order_factory.tasks.batches.records import read_batch
from order_factory.tasks.selections.file_batches import record_file_batch
from order_factory.tasks.stored_files.packing import PackedFile
from order_factory.tasks.stored_files.records import read_pieces
from tests.support.copying import request_copy

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect", "verified")]


def record(reference, lines, policy=ErrorPolicy.REJECT_FAILED, *, dry_run=False):
    packed = PackedFile(f"{reference}.csv", BytesIO("\n".join(lines).encode()))
    with closing(packed), begin() as db:
        return record_file_batch(
            db, reference, Mode.LIVE, packed, CopyOptions(), policy, dry_run=dry_run
        )


def test_each_file_is_read_and_its_batch_ends_as_asked(shop):
    good, bad = shop.order(), shop.order(billing_address_id=None)
    lines = ["source_order", shop.number_of(good), shop.number_of(bad)]
    single = request_copy(good)
    tried = record("tried", lines, dry_run=True)
    whole = record("whole", lines, ErrorPolicy.REJECT_EVERYTHING)
    partly = record("partly", lines)
    wrong = record("wrong", ["source_order", "nowhere"], dry_run=True)

    drain_order_factories(rounds=5)

    statuses = {
        batch: [row.status for row in shop.rows(OrderFactory) if row.batch_id == batch]
        for batch in (None, tried, whole, partly, wrong)
    }
    assert statuses == {
        None: ["completed"],
        tried: [],
        whole: ["aborted", "failed"],
        partly: ["completed", "failed"],
        wrong: [],
    }
    assert [row.id for row in shop.rows(OrderFactory) if row.batch_id is None] == [single]
    assert [row.status for row in shop.rows(OrderFactoryBatch)] == [
        "completed",
        "completed",
        "completed",
        "failed",
    ]
    with reading() as db:
        result = read_batch(db, tried)
        (report,) = shop.rows(StoredFile)
        content = b"".join(read_pieces(db, report.id)).decode()
    assert (result.dry_run, result.completed, result.failed) == (True, 1, 1)
    assert report.id == shop.rows(OrderFactoryBatch)[0].report_file_id
    assert [line.split(",")[2] for line in content.splitlines()] == [
        "status",
        "completed",
        "failed",
    ]
    assert shop.rows(OrderFactoryBatch)[3].errors_log == {
        "file": ["line 2: no live order has the number or id 'nowhere'"]
    }
