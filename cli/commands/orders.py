"""`order-factory orders`: the orders there are."""

from typing import Annotated

import typer

from order_factory.cli.options import AsJson, Debug, terminal_of


def orders(
    context: typer.Context,
    status: Annotated[
        str | None,
        typer.Option(
            "--status", metavar="STATUS", help="Only orders that have this status, such as placed."
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=1000, metavar="N", help="How many make a page.")
    ] = 20,
    page: Annotated[
        int,
        typer.Option(
            "--page", min=1, max=1_000_000_000, metavar="N", help="Which page; the first is 1."
        ),
    ] = 1,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """List orders, the newest first. No customer's data is shown."""
    from order_factory.cli.listings import list_orders
    from order_factory.cli.views.orders import describe_orders
    from order_factory.models.database.engine import reading
    from order_factory.models.database.schema import require_schema
    from order_factory.models.errors import InvalidRequest
    from order_factory.models.values.statuses import OrderStatus

    if status is not None and status not in list(OrderStatus):
        raise InvalidRequest(
            f"{status!r} is no status of an order; they are {', '.join(OrderStatus)}."
        )
    require_schema()
    with reading() as db:
        found, total = list_orders(db, OrderStatus(status) if status else None, page, limit)
    document = {"orders": found, "page": page, "limit": limit, "total": total}
    terminal_of(context).show(document, *describe_orders(found, total, page, limit))
