"""`order-factory orders`: list orders."""

from typing import Annotated

import typer

from order_factory.cli.options import AsJson, Debug, Limit, Page, get_terminal


def orders(
    context: typer.Context,
    status: Annotated[
        str | None,
        typer.Option(
            "--status", metavar="STATUS", help="List orders with this status only, such as placed."
        ),
    ] = None,
    limit: Limit = 20,
    page: Page = 1,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """List orders, newest first, without customer data."""
    from order_factory.cli.listings import list_orders
    from order_factory.cli.views.orders import describe_orders
    from order_factory.models.database.engine import reading
    from order_factory.models.database.schema import require_schema
    from order_factory.models.errors import InvalidRequest
    from order_factory.models.values.statuses import OrderStatus

    if status is not None and status not in list(OrderStatus):
        raise InvalidRequest(
            f"{status!r} is not an order status. Use one of {', '.join(OrderStatus)}."
        )
    require_schema()
    with reading() as db:
        rows, total = list_orders(db, OrderStatus(status) if status else None, page, limit)
    document = {"orders": rows, "page": page, "limit": limit, "total": total}
    get_terminal(context).show(document, *describe_orders(rows, total, page, limit))
