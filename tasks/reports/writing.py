"""Write the report file of a batch: one row per order factory."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection

from order_factory.tasks.reports.formats import open_report
from order_factory.tasks.reports.replacing import replace_file
from order_factory.tasks.reports.rows import read_parts, without_new_names


def write_report(
    db: Connection,
    batch_id: int,
    path: Path,
    *,
    dry_run: bool = False,
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """Write one row per factory of the batch, in constant memory.

    `meanwhile` is called again and again, for other work that should not wait for a large report.

    The columns are `rows.COLUMNS`: the factory's public id, the source order's number (or id),
    the factory's status, the target order's id and number, the errors (one `field: message` per
    line), the caller's reference, and the start and end in UTC. For a dry run, new ids and numbers
    are left out, because the real run creates other ones.
    """
    with (
        replace_file(path) as part,
        open_report(part, path.suffix.lower()) as writer,
        # Closed here and not by the garbage collector: it has a cursor open on PostgreSQL.
        closing(read_parts(db, batch_id)) as parts,
    ):
        for rows in parts:
            writer.write(without_new_names(rows) if dry_run else rows)
            meanwhile()
