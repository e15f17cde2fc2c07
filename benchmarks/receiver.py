"""A receiver of webhooks in a process of its own: `python -m benchmarks.receiver`.

It prints its URL. `/live...` answers at once, `/dead...` never; GET returns what has arrived.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from urllib.request import urlopen

_END = b"\r\n\r\n"
_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"
_requests: Counter[str] = Counter()
_ids: set[tuple[str, str]] = set()
_last: dict[str, float] = {}


class _Connection(asyncio.Protocol):
    """Reads requests, and answers each of them with a few bytes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (head_length := self._buffer.find(_END)) >= 0:
            first, *lines = self._buffer[:head_length].decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (x.partition(": ") for x in lines)}
            end = head_length + len(_END) + int(headers.get("content-length", "0"))
            if len(self._buffer) < end:
                return
            self._buffer = self._buffer[end:]
            method, path, _ = first.split()
            self._answer(method, path, headers.get("webhook-id", ""))

    def _answer(self, method: str, path: str, name: str) -> None:
        if method == "GET":
            body = json.dumps(_report()).encode()
            head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
            self._transport.write(head.encode() + body)
            self._transport.close()
            return
        _requests[path] += 1
        _ids.add((path, name))
        _last[path] = monotonic()
        if path.startswith("/live"):
            self._transport.write(_ANSWER)


def _report() -> dict[str, dict[str, float]]:
    distinct = Counter(path for path, _ in _ids)
    return {
        path: {"requests": count, "ids": distinct[path], "last": _last[path]}
        for path, count in _requests.items()
    }


class Receiver:
    """A receiver: the key of its process, its URLs, and what it got."""

    def __init__(self, process: int, url: str) -> None:
        self.process, self._url = process, url

    def url(self, path: str) -> str:
        return f"{self._url}{path}"

    def report(self) -> dict[str, dict[str, float]]:
        """Return the requests, their different ids and the time of the last, by path."""
        with urlopen(self._url, timeout=60) as answer:
            found: dict[str, dict[str, float]] = json.load(answer)
            return found


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Run a receiver during the block."""
    command = [sys.executable, "-m", "benchmarks.receiver"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stdout is not None
        try:
            yield Receiver(process.pid, process.stdout.readline().strip())
        finally:
            process.terminate()


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
