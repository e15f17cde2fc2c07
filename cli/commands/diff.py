"""`order-factory diff`: how a copy differs from its source order."""

from typing import Annotated

import typer

from order_factory.cli.options import AsJson, Debug, get_terminal


def diff(
    context: typer.Context,
    factory: Annotated[str, typer.Argument(metavar="FACTORY", help="Id of an order factory.")],
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show how a copy differs from its source order, and why.

    The command lists lines that were left out or changed, prices, discounts, taxes, addresses, the
    payment source and the totals. The output contains no customer data.
    """
    from order_factory.cli.views.order_factories import describe_differences
    from order_factory.models.database.engine import reading
    from order_factory.models.database.schema import require_schema
    from order_factory.models.tables import OrderFactory
    from order_factory.tasks.factories.records import require_factory
    from order_factory.tasks.reports.differences import read_differences
    from order_factory.tasks.working_set.statements import table_of

    require_schema()
    with reading() as db:
        key = require_factory(db, factory)
        differences = read_differences(db, table_of(OrderFactory).c.id == key).get(key)
    document = {
        "order_factory": factory,
        "differences": None if differences is None else [each.model_dump() for each in differences],
    }
    get_terminal(context).show(document, *describe_differences(differences))
