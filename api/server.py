"""Running the service."""

import signal
import socket
import sys
from collections.abc import Callable
from random import getrandbits
from typing import Any

import uvicorn
from starlette.applications import Starlette

from order_factory.api.app import make_service
from order_factory.api.http_protocol import GuardedProtocol
from order_factory.api.logs import set_up_logs
from order_factory.api.processors import choose_processor
from order_factory.api.workers import (
    HEALTH_SECONDS,
    SWITCH_SECONDS,
    require_several_processes,
    serve_with_processes,
    share_port,
)
from order_factory.models.errors import CannotListen


def make_server_config(app: Starlette | str, **options: Any) -> uvicorn.Config:
    """Return the configuration of uvicorn: the limits of `GuardedProtocol`, and no own log."""
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
    """Reports when it listens, and on which address."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[str], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            self._announce(_make_url(sockets[0]))


def serve(
    host: str,
    port: int,
    announce: Callable[[str], None],
    *,
    workers: int = 1,
    start_prefect: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGINT or SIGTERM; `announce` is called with the URL once it answers.

    With several `workers`, that many processes answer requests. `start_prefect` starts a Prefect
    server if none is configured. Raises `CannotListen` if the port
    is taken or the host is not this machine's, and `InvalidRequest` if the system cannot share a
    port among processes.
    """
    if workers > 1:
        require_several_processes()
    sys.setswitchinterval(SWITCH_SECONDS)
    with _bind(host, port, shared=workers > 1) as bound:
        set_up_logs()
        # After its shutdown, uvicorn raises the signal again. If this process died of it, a Prefect
        # server that it has started would go on running.
        signal.signal(signal.SIGTERM, lambda *_: None)
        if workers > 1:
            config = make_server_config(
                "order_factory.api.workers:make_worker_app",
                factory=True,
                workers=workers,
                timeout_worker_healthcheck=HEALTH_SECONDS,
                log_level="error",
            )
            serve_with_processes(config, bound, lambda: announce(_make_url(bound)), start_prefect)
        else:
            # Two services of a machine usually choose two processors.
            app = make_service(start_prefect, choose_processor(getrandbits(16)))
            config = make_server_config(app, log_level="warning")
            _Server(config, announce).run(sockets=[bound])


def _bind(host: str, port: int, *, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        if shared:
            return share_port(family, (host, port))
        return socket.create_server((host, port), family=family, backlog=2_048)
    except OSError as error:
        raise CannotListen(f"{host}:{port}", error.strerror or type(error).__name__) from error


def _make_url(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/api"
