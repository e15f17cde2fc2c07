"""The base URL of the service for links, as its clients see it."""

import re
from functools import lru_cache

from starlette.requests import Request

from order_factory.api.settings import api_settings

_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")


def find_base_url(request: Request) -> str:
    """The URL of `/api`: the configured one, or that of the host the request was sent to."""
    configured = api_settings().public_url
    if configured is not None:
        return f"{configured.rstrip('/')}/api"
    return _make_base_url(request.scope["scheme"], request.headers.get("host", ""))


@lru_cache(maxsize=256)
def _make_base_url(scheme: str, host: str) -> str:
    if not _HOST.fullmatch(host):
        host = "localhost"
    return f"{scheme}://{host}/api"
