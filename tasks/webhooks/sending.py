"""Send one delivery, and read the receiver's answer."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx

from order_factory.tasks.webhooks.addresses import AddressRefused, CheckedTransport
from order_factory.tasks.webhooks.settings import WebhookSettings

_MOST_BYTES = 16_384
_SHOWN = 500
_HEADERS = {"User-Agent": "order-factory", "Accept": "*/*", "Accept-Encoding": "identity"}


@dataclass(frozen=True)
class Answer:
    """The outcome of a try: the HTTP status, or None without an answer, and a text for the log."""

    code: int | None
    message: str

    @property
    def succeeded(self) -> bool:
        return self.code is not None and 200 <= self.code < 300


def open_connection(settings: WebhookSettings) -> CheckedTransport:
    """Return a connection without proxy, cookies and redirects.

    It is a transport of httpx: a client would add these, and takes as long as the transport.
    """
    return CheckedTransport(allow_private=settings.allow_private_addresses)


class Connections:
    """The connections to one receiver: one for each simultaneous delivery, up to a limit."""

    def __init__(self, settings: WebhookSettings) -> None:
        self._settings = settings
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._free: list[CheckedTransport] = []

    @asynccontextmanager
    async def borrow(self) -> AsyncIterator[CheckedTransport]:
        """Yield a connection that nothing else uses during the block."""
        async with self._slots:
            connection = self._free.pop() if self._free else open_connection(self._settings)
            try:
                yield connection
            finally:
                self._free.append(connection)

    async def close(self) -> None:
        for connection in self._free:
            await connection.aclose()


async def send_delivery(
    connection: CheckedTransport, url: str, headers: dict[str, str], body: bytes, seconds: float
) -> Answer:
    """Post the body and return the receiver's answer. A network error is an answer too.

    The receiver has `seconds` from the connection to its status. A few kilobytes of its body are
    read in the time that is left.
    """
    code: int | None = None
    text = b""
    try:
        request = httpx.Request("POST", url, headers=_HEADERS | headers, content=body)
        async with asyncio.timeout(seconds):
            response = await connection.handle_async_request(request)
            code = response.status_code
            async with aclosing(response):
                text = await _read_body(response)
    except TimeoutError:
        if code is None:
            return Answer(None, f"No answer within {seconds:g} seconds.")
    except httpx.ConnectError as error:
        cause: Any = error.__cause__
        return Answer(
            None,
            str(cause) if isinstance(cause, AddressRefused) else _describe_connect_error(error),
        )
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError, ValueError) as error:
        if code is None:
            return Answer(None, f"The connection failed ({type(error).__name__}).")
    assert code is not None
    return Answer(code, _describe_answer(code, text))


def _describe_connect_error(error: httpx.ConnectError) -> str:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    return "No connection." if cause is None else "The TLS certificate or handshake was refused."


async def _read_body(response: httpx.Response) -> bytes:
    body_read = b""
    with suppress(httpx.HTTPError):
        async for chunk in response.aiter_raw():
            body_read += chunk
            if len(body_read) >= _MOST_BYTES:
                break
    return body_read


def _describe_answer(code: int, text: bytes) -> str:
    """Return the first part of the receiver's text, or a note about a redirect."""
    if 300 <= code < 400:
        return "Redirects are not followed."
    text_shown = text[: 4 * _SHOWN].decode(errors="replace").replace("\0", "").strip()
    return text_shown[:_SHOWN] or httpx.codes.get_reason_phrase(code)
