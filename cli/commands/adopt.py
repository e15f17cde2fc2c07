"""`order-factory adopt`: make this database the shop after it was moved or copied."""

from typing import Annotated

import typer

from order_factory.cli.options import AsJson, Debug, get_terminal


def adopt(
    context: typer.Context,
    as_test: Annotated[
        bool,
        typer.Option(
            "--as-test", help="Make it a test shop: mode test, no real gateway, no tokens."
        ),
    ] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Make this database the shop, after it was moved or copied.

    A copy of a shop's database calls no payment gateway and sends nothing until it is adopted.
    Adopt only one database of a shop; use --as-test for every other copy.
    """
    from order_factory.cli.database import display_url
    from order_factory.cli.tables import facts
    from order_factory.models.database.engine import begin
    from order_factory.models.database.identity import adopt_place, shop_id
    from order_factory.models.database.place import read_place
    from order_factory.models.database.schema import require_schema
    from order_factory.tasks.clones.as_test import turn_into_test_shop

    terminal = get_terminal(context)
    require_schema()
    with begin() as db:
        if as_test:
            turn_into_test_shop(db)
        adopt_place(db, new_id=as_test)
        document = {
            "database": display_url(),
            "shop": shop_id(db),
            "place": read_place(db),
            "as_test": as_test,
        }
    kind = "a test shop" if as_test else "the shop"
    rows = [("Database", display_url()), ("Is now", kind), ("Place", document["place"])]
    terminal.show(document, facts(rows))
