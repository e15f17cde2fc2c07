"""`order-factory show`: show one order or one order factory."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from order_factory.cli.options import AsJson, Debug, Mode, get_terminal

if TYPE_CHECKING:
    from rich.console import RenderableType
    from sqlalchemy import Connection


def show(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Number or id of an order, or id of an order factory."),
    ],
    mode: Mode = "live",
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show an order with its lines and copies, or an order factory with its errors.

    The output contains no customer data.
    """
    from order_factory.models.database.engine import reading
    from order_factory.models.database.schema import require_schema
    from order_factory.models.errors import FactoryNotFound, NothingNamed, SourceOrderNotFound
    from order_factory.models.values.statuses import Mode as Modes
    from order_factory.tasks.factories.records import require_factory
    from order_factory.tasks.factories.source_orders import require_order

    require_schema()
    with reading() as db:
        try:
            document, parts = _show_factory(db, require_factory(db, name))
        except FactoryNotFound:
            try:
                document, parts = _show_order(db, require_order(db, name, Modes(mode)))
            except SourceOrderNotFound as error:
                raise NothingNamed(*error.args) from error
    get_terminal(context).show(document, *parts)


def _show_factory(db: "Connection", key: int) -> tuple[dict[str, Any], list["RenderableType"]]:
    from order_factory.cli.listings import list_events
    from order_factory.cli.views.order_factories import describe_factory
    from order_factory.tasks.factories.records import read_factory

    result, events = read_factory(db, key), list_events(db, key)
    document = result.model_dump(mode="json") | {"events": events}
    return document, describe_factory(result, events)


def _show_order(db: "Connection", key: int) -> tuple[dict[str, Any], list["RenderableType"]]:
    from order_factory.cli.listings import read_order
    from order_factory.cli.views.orders import describe_order

    document = read_order(db, key)
    return document, describe_order(document)
