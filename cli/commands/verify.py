"""`order-factory verify`: check everything that must hold."""

import typer

from order_factory.cli.failures import FAILED
from order_factory.cli.options import AsJson, Debug, terminal_of


def verify(context: typer.Context, as_json: AsJson = False, debug: Debug = False) -> None:
    """Check that every copy is whole and equals its source.

    The whole database is checked, and nothing is changed. The exit code is 1 if anything is broken.
    """
    from order_factory.cli.progress import showing_progress
    from order_factory.cli.views.verification import describe_verification
    from order_factory.models.database.engine import reading
    from order_factory.models.database.schema import require_schema
    from order_factory.tasks.verify import verify as verify_all

    terminal = terminal_of(context)
    require_schema()
    with showing_progress(terminal, "verifying"), reading() as db:
        found = verify_all(db)
    document = found.model_dump(mode="json") | {"violations": found.violations}
    terminal.show(document, *describe_verification(found))
    if found.violations:
        raise typer.Exit(FAILED)
