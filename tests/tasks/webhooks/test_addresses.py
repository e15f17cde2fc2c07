"""The addresses of deliveries: none in the own network, for any URL."""

import asyncio
import socket
import ssl

import httpx
import pytest

from order_factory.tasks.webhooks.addresses import find_url_problem, is_public
from order_factory.tasks.webhooks.sending import open_connection, send_delivery
from order_factory.tasks.webhooks.settings import WebhookSettings
from tests.support.receiver import HANG, OK, run_receiver

FORBIDDEN = WebhookSettings(allow_private_addresses=False)
ALLOWED = WebhookSettings(allow_private_addresses=True)


def post(url, settings=FORBIDDEN, seconds=5.0):
    async def run():
        async with open_connection(settings) as connection:
            return await send_delivery(connection, url, {}, b"{}", seconds)

    return asyncio.run(run())


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_an_address_of_the_own_network_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_an_address_of_the_internet_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://localhost/",
        "http://a.localhost/",
        "http://192.168.0.1:8080/",
    ],
)
def test_a_private_address_is_refused_when_the_webhook_is_created(url):
    assert find_url_problem(url, allow_private=False) is not None
    assert find_url_problem(url, allow_private=True) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "017700000001", "localhost"])
def test_no_spelling_of_a_private_address_is_connected_to(host):
    with run_receiver() as receiver:
        answer = post(f"http://{host}:{receiver.port}/")

        assert answer.code is None
        assert "private, loopback" in answer.message
        assert receiver.requests == []


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch):
    """A name that leads elsewhere the second time is looked up once."""
    lookups = []
    public = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 80))]

    async def look_up(_loop, host, port, **_options):
        lookups.append(host)
        assert len(lookups) == 1, "the name is resolved again"
        return public

    connected = []

    async def connect(_backend, host, *_arguments):
        connected.append(host)
        raise OSError

    monkeypatch.setattr("asyncio.base_events.BaseEventLoop.getaddrinfo", look_up)
    monkeypatch.setattr("httpcore.AnyIOBackend.connect_tcp", connect)

    answer = post("http://rebound.example/")

    assert (lookups, connected) == (["rebound.example"], ["93.184.215.14"])
    assert not answer.succeeded


def test_a_name_that_turns_private_is_refused_at_the_delivery(monkeypatch):
    """The name is accepted while it leads to a public address, and is checked at each delivery."""
    addresses = iter(["93.184.215.14", "127.0.0.1"])

    async def look_up(_loop, _host, port, **_options):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(addresses), port))]

    connected = []

    async def connect(_backend, host, *_arguments):
        connected.append(host)
        raise OSError

    monkeypatch.setattr("asyncio.base_events.BaseEventLoop.getaddrinfo", look_up)
    with run_receiver() as receiver:
        url = f"http://rebound.example:{receiver.port}/"
        assert find_url_problem(url, allow_private=False) is None
        with monkeypatch.context() as patch:
            patch.setattr("httpcore.AnyIOBackend.connect_tcp", connect)
            post(url)

        answer = post(url)

        assert (connected, answer.code) == (["93.184.215.14"], None)
        assert "private, loopback" in answer.message
        assert receiver.requests == []


def test_a_redirect_is_not_followed():
    with run_receiver() as receiver:
        receiver.reply = lambda _request: (307, f"location: {receiver.url('/in')}\r\n", b"")

        answer = post(receiver.url(), ALLOWED)

        assert (answer.code, answer.succeeded) == (307, False)
        assert [each.path for each in receiver.requests] == ["/hooks"]


def test_a_long_answer_of_a_receiver_is_read_up_to_a_limit():
    with run_receiver() as receiver:
        receiver.reply = lambda _request: (200, "", b"x" * 10_000_000)
        assert post(receiver.url(), ALLOWED).message == "x" * 500

        # A body is announced, and does not come.
        receiver.reply = lambda _request: (200, "x-more: 1\r\ncontent-length: 9\r\n", b"")
        assert post(receiver.url(), ALLOWED, seconds=0.5).code in (200, None)


def test_a_receiver_is_cut_off_after_the_timeout():
    with run_receiver() as receiver:
        receiver.reply = lambda _request: HANG
        answer = post(receiver.url(), ALLOWED, seconds=0.2)
        assert (answer.code, answer.message) == (None, "No answer within 0.2 seconds.")


def test_an_unreachable_receiver_counts_as_a_failed_attempt():
    with run_receiver() as receiver:
        url = receiver.url()
    assert post(url, ALLOWED).message == "No connection."


def test_a_refused_certificate_is_reported_by_the_type_of_the_error(monkeypatch):
    async def refuse(*_args, **_options):
        raise httpx.ConnectError("refused") from ssl.SSLCertVerificationError("unknown issuer")

    with run_receiver() as receiver:
        monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", refuse)
        answer = post(receiver.url(), ALLOWED)

    assert answer.message == "The TLS certificate or handshake was refused."


def test_a_receiver_that_answers_ok_succeeds():
    with run_receiver() as receiver:
        receiver.reply = lambda _request: OK
        assert post(receiver.url(), ALLOWED).succeeded
