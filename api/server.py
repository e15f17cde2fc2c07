"""Running the service."""

import signal
import sys
from collections.abc import Callable

import uvicorn

from api.app import make_app
from api.logs import set_up_logs

_SWITCH_SECONDS = 0.0005


class _Server(uvicorn.Server):
    """Tells when it listens, and where."""

    def __init__(self, config: uvicorn.Config, tell: Callable[[str], None]) -> None:
        super().__init__(config)
        self._tell = tell

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started and self.servers:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            self._tell(f"http://{shown}:{port}/api")


def serve(host: str, port: int, tell: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; `tell` is called with the URL once it answers."""
    set_up_logs()
    # Requests go to and fro between the threads; with Python's five milliseconds each would wait
    # longer for its turn than it takes to be answered.
    sys.setswitchinterval(_SWITCH_SECONDS)
    # Once it has shut down, uvicorn raises the signal again; to die of it would leave the Prefect
    # server behind that this process may have started.
    signal.signal(signal.SIGTERM, lambda *_: None)
    config = uvicorn.Config(
        make_app(),
        host=host,
        port=port,
        access_log=False,
        log_level="warning",
        server_header=False,
        h11_max_incomplete_event_size=65_536,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=30,
    )
    _Server(config, tell).run()
