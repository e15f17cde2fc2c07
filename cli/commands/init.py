"""`order-factory init`: create or upgrade the tables of the database."""

import typer

from order_factory.cli.options import AsJson, Debug, get_terminal


def init(context: typer.Context, as_json: AsJson = False, debug: Debug = False) -> None:
    """Create the tables of the database, or upgrade them. The data is kept."""
    from order_factory.cli.database import display_url
    from order_factory.cli.tables import facts, next_steps
    from order_factory.models.database.schema import upgrade

    terminal = get_terminal(context)
    before, after = upgrade()
    if before is None:
        summary = f"created, version {after}"
    elif before == after:
        summary = f"already at version {after}, the newest"
    else:
        summary = f"upgraded from version {before} to {after}"
    terminal.show(
        {"database": display_url(), "before": before, "after": after},
        facts([("Database", display_url()), ("Schema", summary)]),
        next_steps(["import", "PATH"], ["demo"]),
    )
