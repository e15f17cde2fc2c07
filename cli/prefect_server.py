"""Prefect's own command, with a server that does not stop on SQLite.

`python -m order_factory.cli.prefect_server server start` takes the options of `prefect server start`.

Without the changes below, a server on SQLite stops when several flow runs begin at the same time:

- It uses each connection in a thread of its own, and answers requests in the main thread. When a
  statement fails, SQLAlchemy leaves its cursor open, and the garbage collector frees it in the main
  thread. That needs the connection's mutex. A connection that waits for the write lock keeps its
  mutex for up to 60 seconds. The request that holds the write lock cannot go on in this time,
  because the main thread waits. So nothing answers for a minute, and clients receive 503.
- Most of its transactions begin with BEGIN DEFERRED. Suppose that such a transaction reads, another
  one writes, and then the first one writes. It fails with "database is locked" and does not wait.
"""

import gc
import sqlite3
from collections import deque
from typing import Any

from sqlalchemy import Engine, event


class ServerConnection(sqlite3.Connection):
    """A connection that closes its cursors in the thread that uses it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.left_open: deque[ServerCursor] = deque()

    def cursor(self, factory: Any = None) -> Any:
        while self.left_open:
            self.left_open.pop().close()
        return super().cursor(factory or ServerCursor)


class ServerCursor(sqlite3.Cursor):
    """A cursor that its connection closes when no one else has, in its own thread."""

    is_closed = False

    def execute(self, statement: str, *parameters: Any) -> "ServerCursor":
        """Execute the statement; a transaction that may write waits for the write lock first."""
        super().execute(
            "BEGIN IMMEDIATE" if statement == "BEGIN DEFERRED" else statement, *parameters
        )
        return self

    def close(self) -> None:
        super().close()
        self.is_closed = True

    def __del__(self) -> None:
        if not self.is_closed and isinstance(self.connection, ServerConnection):
            self.connection.left_open.append(self)


def prepare_sqlite() -> None:
    """Use these connections for all SQLite databases that this process opens from now on."""
    event.listen(Engine, "do_connect", _use_server_connections)


def _use_server_connections(dialect: Any, _record: Any, _arguments: Any, options: Any) -> None:
    if dialect.name == "sqlite":
        options["factory"] = ServerConnection


def main() -> None:
    gc.set_threshold(50_000, 20, 20)  # see `order_factory.cli.main`
    prepare_sqlite()
    from prefect.cli import app

    app()


if __name__ == "__main__":
    main()
