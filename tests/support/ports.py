"""Free ports of this machine, and waiting for a server."""

import socket
import time
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener


def find_free_port() -> int:
    """A port on which no server listens at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_url(url: str, seconds: float = 120) -> None:
    """Wait until the URL answers, without a proxy."""
    opener = build_opener(ProxyHandler({}))
    deadline = time.monotonic() + seconds
    while True:
        try:
            opener.open(url, timeout=5).close()
            return
        except (URLError, ConnectionError, TimeoutError):
            assert time.monotonic() < deadline, f"{url} does not answer"
            time.sleep(0.25)
