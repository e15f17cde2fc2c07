"""uvicorn's HTTP protocol, with limits for long or slow heads and bodies."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from order_factory.api.answers import make_refusal
from order_factory.api.errors import ApiError, Problem
from order_factory.api.negotiation import MEDIA_TYPE, is_multipart
from order_factory.api.settings import api_settings

# A chunk of one byte takes six bytes to transfer.
_LONGEST_CHUNKING = 8


class GuardedProtocol(HttpToolsProtocol):
    """One connection. A request that is too long or too slow is refused and disconnected."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._settings = api_settings()
        self._in_head = True
        self._is_upload = False
        self._received = 0
        self._timer: asyncio.TimerHandle | None = None
        # When an upload must be there.
        self._deadline = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._allow(self._settings.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        super().data_received(data)
        if self._in_head and self._received > self._settings.head_limit:
            detail = f"The head of the request has more than {self._settings.head_limit} bytes."
            self._refuse(431, "HEAD_TOO_LARGE", "Request header fields too large", detail)
        elif self._received > self._longest:
            self._refuse(413, "PAYLOAD_TOO_LARGE", "Payload too large", "The body is too long.")
        elif self._is_upload and self._timer is not None:
            self._allow_pause()

    @property
    def _longest(self) -> int:
        settings = self._settings
        limit = settings.upload_limit if self._is_upload else settings.body_limit
        return settings.head_limit + _LONGEST_CHUNKING * limit

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._timer is None:
            self._allow(self._settings.head_seconds)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._is_upload = is_multipart(
            dict(self.headers).get(b"content-type", b"").decode("latin-1")
        )
        if self._is_upload:
            self._deadline = self.loop.time() + self._settings.upload_seconds
            self._allow_pause()
        else:
            self._allow(self._settings.body_seconds)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head, self._is_upload, self._received = True, False, 0
        self._stop_timer()
        super().on_message_complete()

    def _allow(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, self._end)

    def _allow_pause(self) -> None:
        """The next bytes of an upload may take as long as another body, up to the deadline."""
        left = self._deadline - self.loop.time()
        self._allow(max(0.0, min(left, self._settings.body_seconds)))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        self._timer = None
        if self.cycle is None and not self._received:
            self.transport.close()  # no request was sent
            return
        if self._is_upload and self.flow.read_paused and self.loop.time() < self._deadline:
            self._allow_pause()  # not the client waits with the next bytes, but the service
            return
        self._refuse(408, "REQUEST_TIMEOUT", "Request timeout", "The request arrived too slowly.")

    def _refuse(self, status: int, code: str, title: str, detail: str) -> None:
        """Answer unless an answer has begun, and close the connection."""
        if self.transport.is_closing():
            return
        idle = self.cycle is None or self.cycle.response_complete or not self.cycle.response_started
        if idle:
            body = make_refusal(ApiError(Problem(status, code, title, detail))).body or b""
            head = [
                STATUS_LINE[status],
                f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n".encode(),
                b"connection: close\r\n\r\n",
            ]
            self.transport.write(b"".join([*head, body]))
        self.transport.close()
