"""`order-factory verify`: check all invariants of the database."""

import typer

from order_factory.cli.failures import FAILED
from order_factory.cli.options import AsJson, Debug, get_terminal


def verify(context: typer.Context, as_json: AsJson = False, debug: Debug = False) -> None:
    """Check that every copy is complete and equals its source.

    The command checks all invariants of the database and changes nothing. The exit code is 1 if an
    invariant is broken.
    """
    from order_factory.cli.progress import show_bars
    from order_factory.cli.views.verification import describe_verification
    from order_factory.models.database.engine import reading
    from order_factory.models.database.schema import require_schema
    from order_factory.tasks.verify import verify as verify_all

    terminal = get_terminal(context)
    require_schema()
    with show_bars(terminal, "verifying"), reading() as db:
        verification = verify_all(db)
    document = verification.model_dump(mode="json") | {"violations": verification.violations}
    terminal.show(document, *describe_verification(verification))
    if verification.violations:
        raise typer.Exit(FAILED)
