"""A proxy before PostgreSQL that loses the answer to one COMMIT, as a broken network would."""

import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, Thread

import pytest

from order_factory.models.database.engine import begin, get_engine

# A simple query as the driver sends it: the type, the length, the text.
_COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
_SOCKET = ".s.PGSQL.5432"


class LosingProxy:
    """Forwards everything except the answer to the `nth` COMMIT.

    The server has carried out this COMMIT. The client loses its connection instead of an answer.
    """

    def __init__(self, server: Path, folder: Path, nth: int) -> None:
        self.folder = folder
        self.commits = 0
        self._server = server
        self._nth = nth
        self._lock = Lock()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / _SOCKET))
        self._listener.listen()
        Thread(target=self._accept, daemon=True).start()

    @property
    def has_lost(self) -> bool:
        """Whether the answer was lost."""
        return self.commits >= self._nth

    def lose_next(self) -> None:
        """Lose the answer to the next COMMIT."""
        self._nth = self.commits + 1

    def close(self) -> None:
        self._listener.close()
        (self.folder / _SOCKET).unlink(missing_ok=True)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self._server / _SOCKET))
            cut: list[bool] = []
            Thread(target=self._forward_requests, args=(client, server, cut), daemon=True).start()
            Thread(target=self._forward_answers, args=(client, server, cut), daemon=True).start()

    def _forward_requests(
        self, client: socket.socket, server: socket.socket, cut: list[bool]
    ) -> None:
        try:
            while data := client.recv(65_536):
                if _COMMIT in data and self._count_commit():
                    cut.append(True)
                server.sendall(data)
        except OSError:
            pass
        _close(server)

    def _count_commit(self) -> bool:
        with self._lock:
            self.commits += 1
            return self.commits == self._nth

    def _forward_answers(
        self, client: socket.socket, server: socket.socket, cut: list[bool]
    ) -> None:
        try:
            while data := server.recv(65_536):
                if cut:
                    break  # the server has answered, so the COMMIT is carried out
                client.sendall(data)
        except OSError:
            pass
        _close(client)
        _close(server)


def _close(side: socket.socket) -> None:
    try:
        side.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    side.close()


@contextmanager
def run_losing_proxy(server: Path, folder: Path, nth: int) -> Iterator[LosingProxy]:
    """Run a proxy that listens in `folder`. Use the folder as `host` in the database's URL."""
    proxy = LosingProxy(server, folder, nth)
    try:
        yield proxy
    finally:
        proxy.close()


@contextmanager
def connect_through_proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[LosingProxy]:
    """Let the program reach PostgreSQL through a proxy, which loses an answer on request."""
    url = get_engine().url
    # A Unix socket has a short path.
    with (
        tempfile.TemporaryDirectory() as folder,
        run_losing_proxy(Path(str(url.query["host"])), Path(folder), 0) as proxy,
        monkeypatch.context() as patched,
    ):
        through = url.update_query_dict({"host": folder}).render_as_string(hide_password=False)
        patched.setenv("ORDER_FACTORY_DATABASE_URL", through)
        with begin(), begin(), begin():
            pass  # a new connection makes commits of its own
        yield proxy
        get_engine().dispose()
