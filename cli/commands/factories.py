"""`order-factory factories`: list order factories."""

from typing import Annotated, Literal

import typer

from order_factory.cli.options import AsJson, Debug, Limit, Page, get_terminal


def factories(
    context: typer.Context,
    status: Annotated[
        Literal["pending", "in_progress", "completed", "failed", "aborted"] | None,
        typer.Option("--status", help="List order factories with this status only."),
    ] = None,
    batch: Annotated[
        str | None,
        typer.Option(
            "--batch", metavar="REFERENCE", help="List order factories of this batch only."
        ),
    ] = None,
    limit: Limit = 20,
    page: Page = 1,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """List order factories, newest first."""
    from order_factory.cli.listings import list_factories
    from order_factory.cli.views.order_factories import describe_factories
    from order_factory.models.database.engine import reading
    from order_factory.models.database.schema import require_schema
    from order_factory.models.values.statuses import FactoryStatus
    from order_factory.tasks.batches.records import require_batch

    require_schema()
    wanted_status = FactoryStatus(status) if status else None
    with reading() as db:
        batch_id = require_batch(db, batch) if batch else None
        rows, total = list_factories(db, wanted_status, batch_id, page, limit)
    document = {"order_factories": rows, "page": page, "limit": limit, "total": total}
    get_terminal(context).show(document, *describe_factories(rows, total, page, limit))
