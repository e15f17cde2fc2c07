"""Checking whether a part of the system works."""

import json
import os
from base64 import b64encode
from http import HTTPStatus
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from order_factory.cli.environment import LOGIN, SERVER_LOGIN
from order_factory.cli.system.state import PartRecord

# No proxy: the parts run on this machine.
_opener = build_opener(ProxyHandler({}))
_SECONDS = 5.0


def find_problem(part: PartRecord) -> str | None:
    """The problem of the part; None when it works."""
    if part.process is None or part.process.find() is None:
        return "not running"
    if part.health is None:
        return None
    try:
        if part.name == "worker":
            return _find_worker_problem(part.health)
        if part.name == "postgres":
            return _find_postgres_problem(part.health)
        _get(part.health)
    except (URLError, TimeoutError, ConnectionError, ValueError) as error:
        if isinstance(error, HTTPError) and error.code == HTTPStatus.UNAUTHORIZED:
            return f"refused the login; set {LOGIN} to its user:password"
        reason = getattr(error, "reason", None) or type(error).__name__
        return f"does not answer ({reason})"
    return None


def _find_worker_problem(url: str) -> str | None:
    """Ask Prefect's server whether a worker of the pool is online."""
    workers = json.loads(_get(url, b"{}"))
    if any(worker["status"] == "ONLINE" for worker in workers):
        return None
    return "not online"


def _find_postgres_problem(sockets: str) -> str | None:
    from psycopg import OperationalError, connect

    try:
        with connect(f"postgresql://postgres@/postgres?host={sockets}", connect_timeout=5) as db:
            db.execute("SELECT 1")
    except OperationalError:
        return "does not answer"
    return None


def _get(url: str, body: bytes | None = None) -> bytes:
    headers = {"Content-Type": "application/json"}
    if login := _read_login():
        headers["Authorization"] = f"Basic {b64encode(login.encode()).decode()}"
    request = Request(url, body, headers)
    with _opener.open(request, timeout=_SECONDS) as answer:
        content: bytes = answer.read()
        return content


def _read_login() -> str | None:
    """The login for Prefect's server as `user:password`, if it needs one."""
    return os.environ.get(LOGIN, os.environ.get(SERVER_LOGIN))
