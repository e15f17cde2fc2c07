"""What keeps one client from taking the service from the others."""

import asyncio
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from order_factory.api import rate_limits
from order_factory.api.errors import ApiError
from order_factory.api.fair_shares import FairShares
from order_factory.api.settings import api_settings
from order_factory.models.tables import OrderFactoryBatch, StoredFile
from tests.support.api_client import MEDIA_TYPE, Api, make_token

SLOW = "order_factory.api.reads.list_resources"


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
def test_a_token_with_many_requests_leaves_threads_for_others(shop, configure):
    started, ended = threading.Semaphore(0), threading.Event()

    def wait(*_):
        started.release()
        assert ended.wait(30)
        return {"data": []}

    with Api.connect() as api, ThreadPoolExecutor(20) as clients:
        other = api.with_token(make_token())
        try:
            with configure.context() as patched:
                patched.setattr(SLOW, wait)
                slow = [clients.submit(api.send, "GET", "orders") for _ in range(16)]
                for _ in range(api_settings().threads // 2):
                    assert started.acquire(timeout=30)
                read = other.send("GET", "orders/nonsensical")
                data = {"type": "customers", "attributes": {"email": "ada@shop.example"}}
                written = api.post("customers", data)
        finally:
            ended.set()
        answers = [each.result() for each in slow]

    assert read.status_code == 404
    assert written["data"]["type"] == "customers"
    assert {each.status_code for each in answers} == {200}


def test_callers_get_the_lock_in_turn(shop):
    order = []

    async def ask(shares, caller):
        async with shares.turn(caller):
            order.append(caller)
            await asyncio.sleep(0)

    async def many():
        shares = FairShares(2)
        requests = [ask(shares, "a") for _ in range(6)] + [ask(shares, "b"), ask(shares, "c")]
        tasks = [asyncio.create_task(each) for each in requests]
        await asyncio.sleep(0)
        tasks[3].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (shares._free, shares._running, shares._waiting) == (2, {}, {})

    asyncio.run(many())

    assert sorted(order) == ["a"] * 5 + ["b", "c"]
    assert {"b", "c"} <= set(order[:4])


class Clock:
    """The time that the limiter sees."""

    def __init__(self, patched):
        self.now = 1_700_000_000.5
        patched.setattr("limits.storage.memory.time.time", lambda: self.now)
        patched.setattr(rate_limits, "time", lambda: self.now)


@pytest.mark.parametrize("counters", [None, "counters"])
def test_retry_after_is_exact(configure, tmp_path, counters):
    clock = Clock(configure)
    limiter = rate_limits.RateLimiter(counters and tmp_path / counters)

    def ask():
        try:
            limiter.admit("a", "50/10 600/300")
        except ApiError as error:
            return int(error.headers["Retry-After"])
        return 0

    assert [ask() for _ in range(51)] == [0] * 50 + [10]
    clock.now = 1_700_000_010.001
    # The window before counts less and less: a request fits every 0.2 seconds.
    assert ask() == 0
    assert ask() == 1
    clock.now += 1
    assert ask() == 0


def test_processes_count_requests_together(configure, tmp_path):
    Clock(configure)
    limiters = [rate_limits.RateLimiter(tmp_path / "counters") for _ in range(3)]

    for number in range(9):
        left = limiters[number % 3].admit("a", "9/60")["X-Ratelimit-Remaining"]
        assert left == str(8 - number)
    for each in limiters:
        with pytest.raises(ApiError):
            each.admit("a", "9/60")
        each.admit("b", "9/60")


def test_wrong_tokens_are_limited_apart_from_valid_ones(shop, configure):
    configure.setenv("ORDER_FACTORY_API_WRONG_TOKEN_LIMITS", "3/60")

    with Api.connect() as api:
        api.get("orders")
        wrong = [
            api.with_token(f"oft_0123_{number}").send("GET", path)
            for number, path in enumerate(["orders", "docs", "openapi.json", "orders", "docs"])
        ]
        known = api.send("GET", "orders")

    assert [each.status_code for each in wrong] == [401, 401, 401, 429, 429]
    assert 1 <= int(wrong[3].headers["retry-after"]) <= 60
    assert known.status_code == 200


def test_the_documentation_counts_as_requests(api):
    limited = api.with_token(make_token(rate_limits="2/60"))

    answers = [limited.send("GET", path) for path in ("docs", "openapi.json", "docs", "orders")]

    assert [each.status_code for each in answers] == [200, 200, 429, 429]


@contextmanager
def open_connection(api):
    host, port = api.client.base_url.host, api.client.base_url.port
    with socket.create_connection((host, port), timeout=20) as opened:
        yield opened


def answer_of(opened):
    """All that comes until the service closes the connection; nothing where it was reset."""
    parts = []
    try:
        while part := opened.recv(65_536):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)


def send_all(opened, data):
    try:
        opened.sendall(data)
    except ConnectionError:
        pass  # the service has closed it before the end


LONG_HEADS = {
    "one header": b"GET /health HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 4_000_000,
    "many headers": b"GET /health HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 700_000,
    "the path": b"GET /" + b"x" * 4_000_000,
}


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
@pytest.mark.parametrize("head", LONG_HEADS)
def test_a_long_head_is_refused_before_its_end(api, head):
    with open_connection(api) as opened:
        send_all(opened, LONG_HEADS[head])
        answer = answer_of(opened)

    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")
    assert api.client.get("/health").status_code == 200


_POST = b"POST /api/customers HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\nContent-Type: "
_POST += MEDIA_TYPE.encode() + b"\r\n"
_UPLOAD = b"POST /api/order_factory_batches HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n"
_UPLOAD += b"Content-Type: multipart/form-data; boundary=x\r\nAuthorization: Bearer %TOKEN%\r\n\r\n"
SLOW_REQUESTS = {
    "nothing": (b"", b""),
    "a head": (b"GET /health HTTP/1.1\r\nHost: a\r\n", b"HTTP/1.1 408 "),
    "a body": (_POST + b"Authorization: Bearer %TOKEN%\r\n\r\n{", b"HTTP/1.1 408 "),
    "an upload": (_UPLOAD + b"--x\r\n", b"HTTP/1.1 408 "),
    "a body that nobody reads": (_POST + b"\r\n{", b"HTTP/1.1 401 "),
    "a second head": (
        b"GET /health HTTP/1.1\r\nHost: a\r\n\r\nGET /health HTTP/1.1\r\n",
        b"HTTP/1.1 200 ",
    ),
}


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
@pytest.mark.parametrize("part", SLOW_REQUESTS)
def test_a_slow_client_is_disconnected(shop, configure, part):
    configure.setenv("ORDER_FACTORY_API_HEAD_SECONDS", "0.3")
    configure.setenv("ORDER_FACTORY_API_BODY_SECONDS", "0.3")
    request_bytes, expected = SLOW_REQUESTS[part]

    with Api.connect() as api, open_connection(api) as opened:
        opened.sendall(request_bytes.replace(b"%TOKEN%", api.token.encode()))
        answer = answer_of(opened)  # ends, because the service closes the connection

    assert answer.startswith(expected)
    assert answer if expected else answer == b""


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
def test_an_upload_that_trickles_ends_and_holds_no_thread(shop, configure):
    configure.setenv("ORDER_FACTORY_API_BODY_SECONDS", "60")
    configure.setenv("ORDER_FACTORY_API_UPLOAD_SECONDS", "1.5")
    configure.setenv("ORDER_FACTORY_API_THREADS", "1")

    with Api.connect() as api, ExitStack() as stack:
        slow = [stack.enter_context(open_connection(api)) for _ in range(2)]
        for opened in slow:
            opened.sendall(_UPLOAD.replace(b"%TOKEN%", api.token.encode()) + b"--x\r\n")
        assert api.get("orders")["data"] == []
        api.post("customers", {"type": "customers", "attributes": {"email": "ada@shop.example"}})
        answers = [trickle(opened) for opened in slow]

    assert [answer[:13] for answer in answers] == [b"HTTP/1.1 408 "] * 2
    assert b"arrived too slowly" in answers[0]
    assert shop.rows(StoredFile) == shop.rows(OrderFactoryBatch) == []


def trickle(opened):
    """Send a byte now and then until the service ends the connection; its answer."""
    opened.settimeout(0.1)
    answer = b""
    while True:
        try:
            part = opened.recv(65_536)
        except TimeoutError:
            send_all(opened, b"-")
            continue
        if not part:
            return answer
        answer += part


def test_a_body_in_the_same_packet_is_not_part_of_the_head(api):
    email = "ada@shop.example"
    metadata = {"a": "x" * 9_000}
    attributes = {"email": email, "metadata": metadata}
    body = json.dumps({"data": {"type": "customers", "attributes": attributes}}).encode()
    body += b" " * 200_000
    head = (
        f"POST /api/customers HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {api.token}\r\n"
        f"Content-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    with open_connection(api) as opened:
        opened.sendall(head.encode() + body)
        answer = answer_of(opened)

    assert answer.startswith(b"HTTP/1.1 201 ")


class Issuer:
    """Publishes its keys, as slowly as a test wants, and counts how often it is asked."""

    def __init__(self):
        self.asked, self.may_answer = 0, threading.Event()
        self.may_answer.set()
        self.key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)

    def keys(self):
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": "mine", "alg": "RS256", "use": "sig"}]}

    def token(self, key_id="mine"):
        claims = {"iss": "https://auth.example", "exp": 2**31, "scope": "read", "mode": "test"}
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": key_id})


@pytest.fixture
def issuer(configure):
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            issuer.asked += 1
            issuer.may_answer.wait(30)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(issuer.keys()).encode())

        def log_message(self, *_):
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    configure.setenv("ORDER_FACTORY_API_JWT_ISSUER", "https://auth.example")
    configure.setenv("ORDER_FACTORY_API_JWT_KEYS", f"http://127.0.0.1:{server.server_port}/keys")
    yield issuer
    issuer.may_answer.set()
    server.shutdown()
    server.server_close()


def test_keys_of_the_issuer_are_fetched_once(shop, issuer):
    with Api.connect() as api:
        api.with_token(issuer.token()).get("orders")
        unknown = [api.with_token(issuer.token(f"k{n}")).send("GET", "orders") for n in range(5)]
        api.with_token(issuer.token()).get("orders")

    assert {each.status_code for each in unknown} == {401}
    assert issuer.asked == 1


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
def test_a_slow_issuer_does_not_delay_other_requests(shop, issuer):
    issuer.may_answer.clear()

    with Api.connect() as api, ThreadPoolExecutor(30) as clients:
        waiting = [
            clients.submit(api.with_token(issuer.token(f"k{n}")).send, "GET", "orders")
            for n in range(30)
        ]
        others = [api.send("GET", "orders") for _ in range(5)]
        before_its_end = sum(not each.done() for each in waiting)
        refused = [each.result() for each in waiting]
        issuer.may_answer.set()

    assert {each.status_code for each in others} == {200}
    assert before_its_end > 0
    assert {each.status_code for each in refused} == {503}
    assert {each.headers["retry-after"] for each in refused} == {"1"}
    assert issuer.asked == 1


def test_browsers_are_redirected_to_the_documentation(api):
    for path in ("/", "/api", "/api/"):
        led = api.client.get(path, headers={"Accept": "text/html,*/*"})
        hint = api.client.get(path, headers={"Accept": "*/*"})

        assert led.status_code == 302
        assert led.headers["location"] == "http://shop.example/api/docs"
        assert hint.status_code == 404
        assert "/api/docs" in hint.json()["errors"][0]["detail"]


def test_browsers_of_other_origins_may_read_the_remaining_limits(shop, configure):
    configure.setenv("ORDER_FACTORY_API_CORS_ORIGINS", "https://shop.example")

    with Api.connect() as api:
        answer = api.send("GET", "orders", headers={"Origin": "https://shop.example"})

    shown = answer.headers["access-control-expose-headers"].lower()
    assert {"retry-after", "x-ratelimit-limit", "x-ratelimit-remaining"} <= set(shown.split(", "))
