"""Running the service."""

import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.applications import Starlette

from order_factory.api.app import make_app
from order_factory.api.http_protocol import GuardedProtocol
from order_factory.api.logs import set_up_logs
from order_factory.models.errors import CannotListen

_SWITCH_SECONDS = 0.0005


def server_config(app: Starlette, **options: Any) -> uvicorn.Config:
    """How the application is served: the limits of `GuardedProtocol`, and no log of uvicorn's."""
    return uvicorn.Config(
        app,
        http=GuardedProtocol,
        ws="none",
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=30,
        **options,
    )


class _Server(uvicorn.Server):
    """Tells when it listens, and where."""

    def __init__(self, config: uvicorn.Config, tell: Callable[[str], None]) -> None:
        super().__init__(config)
        self._tell = tell

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            self._tell(f"http://{shown}:{port}/api")


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2_048)
    except OSError as error:
        raise CannotListen(f"{host}:{port}", error.strerror or type(error).__name__) from error


def serve(host: str, port: int, tell: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; `tell` is called with the URL once it answers.

    Raises `CannotListen` where the port is taken or the host is not this machine's.
    """
    with _listening(host, port) as listener:
        set_up_logs()
        # Requests go to and fro between the threads; with Python's five milliseconds each would
        # wait longer for its turn than it takes to be answered.
        sys.setswitchinterval(_SWITCH_SECONDS)
        # Once it has shut down, uvicorn raises the signal again; to die of it would leave the
        # Prefect server behind that this process may have started.
        signal.signal(signal.SIGTERM, lambda *_: None)
        config = server_config(make_app(), log_level="warning")
        _Server(config, tell).run(sockets=[listener])
