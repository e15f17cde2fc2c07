"""`order-factory verify`: check everything that must hold."""

import typer

from cli.failures import FAILED
from cli.options import AsJson, Debug, terminal_of


def verify(context: typer.Context, as_json: AsJson = False, debug: Debug = False) -> None:
    """Check that every copy is whole and equals its source.

    The whole database is checked, and nothing is changed. The exit code is 1 if anything is broken.
    """
    from cli.progress import showing_progress
    from cli.views.verification import describe_verification
    from models.engine import reading
    from models.schema import require_schema
    from tasks.verify import verify as verify_all

    terminal = terminal_of(context)
    require_schema()
    with showing_progress(terminal, "verifying"), reading() as db:
        found = verify_all(db)
    document = found.model_dump(mode="json") | {"violations": found.violations}
    terminal.show(document, *describe_verification(found))
    if found.violations:
        raise typer.Exit(FAILED)
