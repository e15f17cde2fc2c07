"""`order-factory show`: everything about one order factory."""

from typing import Annotated

import typer

from order_factory.cli.options import AsJson, Debug, terminal_of


def show(
    context: typer.Context,
    factory: Annotated[str, typer.Argument(metavar="FACTORY", help="Id of the order factory.")],
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show an order factory: its orders, errors and events."""
    from order_factory.cli.listings import list_events
    from order_factory.cli.views.order_factories import describe_factory
    from order_factory.models.database.engine import reading
    from order_factory.models.database.schema import require_schema
    from order_factory.tasks.factories.records import read_factory, require_factory

    require_schema()
    with reading() as db:
        key = require_factory(db, factory)
        result, events = read_factory(db, key), list_events(db, key)
    document = result.model_dump(mode="json") | {"events": events}
    terminal_of(context).show(document, *describe_factory(result, events))
