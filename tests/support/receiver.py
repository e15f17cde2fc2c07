"""A receiver of webhooks. It records its requests, and a test decides its answers."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Any


@dataclass(frozen=True)
class ReceivedRequest:
    """One request: its path, its headers in lower case, its raw body."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def data(self) -> Any:
        return json.loads(self.body)["data"]


# Status, further lines of the head, body; None closes the connection, HANG never answers.
Reply = tuple[int, str, bytes] | None
HANG = (0, "", b"")
OK = (200, "", b"thanks")


@dataclass
class Receiver:
    """The received requests, in order, and the answer to the next request."""

    port: int = 0
    requests: list[ReceivedRequest] = field(default_factory=list)
    reply: Callable[[ReceivedRequest], Reply] = lambda _request: OK
    lock: Lock = field(default_factory=Lock)

    def url(self, path: str = "/hooks") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def ids(self) -> Counter[str]:
        return Counter(each.id for each in self.requests)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                first, *lines = head.split("\r\n")
                pairs = [line.split(": ", 1) for line in lines if line]
                headers = {name.lower(): value for name, value in pairs}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                request = ReceivedRequest(first.split()[1], headers, body)
                reply = self.reply(request)
                with self.lock:
                    self.requests.append(request)
                if reply is None:
                    return
                if reply is HANG:
                    await asyncio.sleep(3600)
                    return
                status, more, text = reply
                head = f"HTTP/1.1 {status} X\r\ncontent-length: {len(text)}\r\n{more}\r\n"
                writer.write(head.encode() + text)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@contextmanager
def run_receiver(port: int = 0) -> Iterator[Receiver]:
    """Run a receiver in a thread, on this port or a free one."""
    receiver, ready, ending = Receiver(), Event(), Event()

    async def run() -> None:
        server = await asyncio.start_server(receiver.serve, "127.0.0.1", port)
        receiver.port = server.sockets[0].getsockname()[1]
        ready.set()
        while not ending.is_set():
            await asyncio.sleep(0.01)
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    thread = Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(30)
    try:
        yield receiver
    finally:
        ending.set()
        thread.join()
