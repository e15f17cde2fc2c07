"""The base URL of the service for links, as its clients see it."""

import re

from starlette.requests import Request

from order_factory.api.settings import api_settings

_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")


def find_base_url(request: Request) -> str:
    """The URL of `/api`: the configured one, or that of the host the request was sent to."""
    configured = api_settings().public_url
    if configured is not None:
        return f"{configured.rstrip('/')}/api"
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        host = "localhost"
    return f"{request.scope['scheme']}://{host}/api"
