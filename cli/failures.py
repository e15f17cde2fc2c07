"""Error messages and exit codes of commands that fail."""

FAILED, REFUSED, INTERRUPTED, BROKEN_PIPE = 1, 2, 130, 141


def explain(error: Exception) -> tuple[str, str, int]:
    """The code, message and exit code for an exception; the message contains no row values."""
    from order_factory.models.errors import (
        ConnectionLost,
        OrderFactoryError,
        PrefectAway,
        describe_os_error,
    )

    if isinstance(error, PrefectAway):
        return error.code, str(error), FAILED
    if isinstance(error, OrderFactoryError):
        return error.code, str(error), REFUSED

    from sqlalchemy.exc import DBAPIError

    from order_factory.cli.database import display_url
    from order_factory.models.database.transient import is_lost, without_values

    if isinstance(error, DBAPIError) and str(error.orig) == "file is not a database":
        message = f"The file of {display_url()} is not a SQLite database. Nothing was changed."
        return "database_not_ready", message, REFUSED
    if isinstance(error, DBAPIError) and is_lost(error):
        return ConnectionLost.code, str(ConnectionLost()), FAILED
    if isinstance(error, DBAPIError):
        message = f"The database refused the work: {without_values(error)}. Nothing was changed."
        return "database_error", message, FAILED
    if isinstance(error, OSError) and error.errno:
        # An error while writing does not name the file.
        named = f": {error.filename}" if error.filename else "."
        return "file_error", f"{describe_os_error(error)}{named}", REFUSED
    # The exception's own message may quote an order, so only --debug shows it.
    message = (
        f"An unexpected {type(error).__name__} ended the command. No order is half-written. "
        "Run it again with --debug to see the cause."
    )
    return "unexpected_error", message, FAILED
