"""Ports of this machine, and servers that begin to answer there."""

import socket
import time
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_url(url: str, seconds: float = 120) -> None:
    """Come back once the URL answers; no proxy is asked."""
    opener = build_opener(ProxyHandler({}))
    deadline = time.monotonic() + seconds
    while True:
        try:
            opener.open(url, timeout=5).close()
            return
        except (URLError, ConnectionError, TimeoutError):
            assert time.monotonic() < deadline, f"{url} does not answer"
            time.sleep(0.25)
