"""Middleware for every request: its id, its log line, security headers and compression."""

import logging
import re
from random import getrandbits
from time import perf_counter

from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger("order_factory.access")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
]
_LEAST_COMPRESSED_BYTES = 1_000


class Compression:
    """Compresses answers for the clients that ask for it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._compressed = GZipMiddleware(app, _LEAST_COMPRESSED_BYTES, compresslevel=4)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asks = scope["type"] == "http" and "gzip" in Headers(scope=scope).get("accept-encoding", "")
        # Most programs do not ask, and for them the middleware would look at every answer.
        await (self._compressed if asks else self._app)(scope, receive, send)


class RequestLog:
    """Gives each request an id, or keeps the client's, and logs the request when it is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        request_id = given if _REQUEST_ID.fullmatch(given) else b"%032x" % getrandbits(128)
        began, status = perf_counter(), 500
        state = scope.setdefault("state", {})

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"]
                names = {name for name, _ in headers}
                headers.append((b"x-request-id", request_id))
                headers += [each for each in _SECURITY_HEADERS if each[0] not in names]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            _log.info(
                "request",
                extra={
                    "request_id": request_id.decode(),
                    "caller": state.get("caller"),
                    "method": scope["method"],
                    "path": scope["path"][:200],
                    "status": status,
                    "milliseconds": round((perf_counter() - began) * 1000, 1),
                },
            )
