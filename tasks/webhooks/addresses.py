"""The addresses to which deliveries may go. A setting allows those of private networks.

A callback URL comes from outside. Its host name may resolve to an address behind the firewall, and
to a different one each time. So the name is resolved here, each address is checked, and the
connection goes only to a checked address.
"""

import asyncio
import socket
from collections.abc import Iterable
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from ssl import SSLContext
from typing import Any
from urllib.parse import urlsplit

import httpcore
from httpcore import AsyncConnectionPool, AsyncNetworkBackend, AsyncNetworkStream, ConnectError
from httpx import AsyncHTTPTransport, create_ssl_context

_LONGEST = 2_000
# IPv6 networks that embed an IPv4 address: translated (NAT64), and tunnelled (6to4, Teredo).
_TRANSLATED = b"\x00\x64\xff\x9b" + bytes(8)


class AddressRefused(ConnectError):
    """A delivery may not go to this address. The argument is the reason, as a sentence."""


def find_url_problem(url: str, *, allow_private: bool) -> str | None:
    """Return the rule that a callback URL breaks, or None if it may be used.

    The host name is not resolved here, because its addresses are checked at each connection.
    """
    if len(url) > _LONGEST or not url.isascii() or any(ord(each) <= 32 for each in url):
        return f"must be a URL of at most {_LONGEST} ASCII characters without blanks"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "must be a URL such as https://shop.example/webhooks"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "must be a URL that starts with http:// or https://"
    if parts.username is not None or parts.password is not None:
        return "must not hold a user or password: verify the signature instead"
    if parts.fragment:
        return "must not hold a fragment (#)"
    if not allow_private and _is_private_literal(parts.hostname):
        return "must not be a private, loopback or link-local address"
    return None


def _is_private_literal(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return not is_public(host)
    except ValueError:
        return False


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet."""
    return all(_is_global(each) for each in _list_embedded(ip_address(address.partition("%")[0])))


def _is_global(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved


def _list_embedded(address: IPv4Address | IPv6Address) -> Iterable[IPv4Address | IPv6Address]:
    """Return the address, and the IPv4 addresses that are embedded in it."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address.packed.startswith(_TRANSLATED):
        return [IPv4Address(address.packed[-4:])]
    embedded: list[IPv4Address | IPv6Address] = [address]
    if address.sixtofour is not None:
        embedded.append(address.sixtofour)
    if address.teredo is not None:
        embedded.extend(address.teredo)
    return embedded


async def resolve_host(host: str, port: int, *, allow_private: bool) -> list[str]:
    """Return the addresses of a host. Raises `AddressRefused` if one of them is not allowed."""
    try:
        answers = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise AddressRefused(f"The name {host} cannot be resolved.") from error
    addresses = list(dict.fromkeys(str(each[4][0]) for each in answers))
    if not allow_private:
        refused = [each for each in addresses if not is_public(each)]
        if refused:
            raise AddressRefused(
                f"The address of {host} is private, loopback, link-local or reserved. "
                "Set ORDER_FACTORY_WEBHOOK_ALLOW_PRIVATE_ADDRESSES=true to allow it."
            )
    return addresses


class _CheckedBackend(AsyncNetworkBackend):
    """A network backend that connects to checked addresses only."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> AsyncNetworkStream:
        addresses = await resolve_host(host, port, allow_private=self._allow_private)
        failure: Exception | None = None
        for address in addresses:
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or AddressRefused(f"The name {host} has no address.")

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


class CheckedTransport(AsyncHTTPTransport):
    """A transport for httpx with one connection to a checked address, without a proxy.

    With more connections, the pool of httpcore would compare all of them at each request.
    """

    def __init__(self, *, allow_private: bool) -> None:
        context = _make_ssl_context()
        super().__init__(verify=context, trust_env=False)
        # httpx has no parameter for the network backend of its pool.
        self._pool = AsyncConnectionPool(
            ssl_context=context,
            max_connections=1,
            max_keepalive_connections=1,
            keepalive_expiry=20.0,
            network_backend=_CheckedBackend(allow_private=allow_private),
        )


@cache
def _make_ssl_context() -> SSLContext:
    """Return the TLS context of all connections. It is made once: reading certificates is slow."""
    return create_ssl_context(trust_env=False)
