"""`order-factory mask`: replace personal data in a copy of the database."""

import typer

from order_factory.cli.options import AsJson, Debug, get_terminal


def mask(context: typer.Context, as_json: AsJson = False, debug: Debug = False) -> None:
    """Replace names, addresses, emails, phones and tokens in a copy of the database.

    A customer gets the same fake data everywhere. Amounts and references stay, and verify passes.
    The command refuses the shop's own database.
    """
    from order_factory.cli.database import display_url
    from order_factory.cli.progress import show_bars
    from order_factory.cli.tables import facts
    from order_factory.models.database.engine import begin
    from order_factory.models.database.reclaiming_space import reclaim_space
    from order_factory.models.database.schema import require_schema
    from order_factory.tasks.clones.masking import mask_personal_data

    terminal = get_terminal(context)
    require_schema()
    with show_bars(terminal, "masking"), begin() as db:
        customers = mask_personal_data(db)
    reclaim_space()
    document = {"database": display_url(), "customers": customers}
    terminal.show(document, facts([("Database", display_url()), ("Customers masked", customers)]))
