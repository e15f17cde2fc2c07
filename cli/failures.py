"""What a person or a program is told when a command cannot do its work."""

FAILED, REFUSED, INTERRUPTED, BROKEN_PIPE = 1, 2, 130, 141


def explain(error: Exception) -> tuple[str, str, int]:
    """The code, the message and the exit code for an exception; the message has no row's values."""
    from sqlalchemy.exc import DBAPIError

    from order_factory.cli.database import shown_url
    from order_factory.models.database.transient import is_lost, without_values
    from order_factory.models.errors import ConnectionLost, OrderFactoryError

    if isinstance(error, OrderFactoryError):
        return error.code, str(error), REFUSED
    if isinstance(error, DBAPIError) and str(error.orig) == "file is not a database":
        message = f"The file of {shown_url()} is not a SQLite database. Nothing was changed."
        return "database_not_ready", message, REFUSED
    if isinstance(error, DBAPIError) and is_lost(error):
        return ConnectionLost.code, str(ConnectionLost()), FAILED
    if isinstance(error, DBAPIError):
        message = f"The database refused the work: {without_values(error)}. Nothing was changed."
        return "database_error", message, FAILED
    if isinstance(error, OSError) and error.strerror:
        return "file_error", f"{error.strerror}: {error.filename}", REFUSED
    # What it says might quote an order, so that is only shown with --debug.
    message = (
        f"An unexpected {type(error).__name__} ended the command; nothing half-written was left. "
        "Run it again with --debug to see where it comes from."
    )
    return "unexpected_error", message, FAILED
