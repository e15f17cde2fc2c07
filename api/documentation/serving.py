"""Serving the documentation to callers with a token.

A browser cannot send a bearer token by itself. So the page also accepts the token as the password
of HTTP's basic authentication, for which browsers have a dialogue.
"""

import base64
import binascii
from dataclasses import replace

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from order_factory.api.admission import Admission, Credentials
from order_factory.api.answers import make_refusal
from order_factory.api.documentation.openapi import build_openapi_document
from order_factory.api.documentation.page import build_page
from order_factory.api.errors import ApiError, convert_error, unknown_path
from order_factory.api.incoming import read_credentials
from order_factory.api.jwts import prepare_key
from order_factory.api.urls import find_base_url
from order_factory.models.database.engine import reading
from order_factory.models.errors import OrderFactoryError

_BASIC_AUTHENTICATION = {
    "WWW-Authenticate": 'Basic realm="order-factory: any name, and a token as the password"'
}


class Documentation:
    """The endpoints of the documentation; they count as requests of the token."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    async def openapi(self, request: Request) -> Response:
        """The OpenAPI document."""
        refused = await self._refuse(request)
        if refused is not None:
            return refused
        return Response(orjson.dumps(build_openapi_document()), media_type="application/json")

    async def page(self, request: Request) -> Response:
        """The page for people."""
        refused = await self._refuse(request)
        if refused is not None:
            if refused.status_code == 401:
                refused.headers.update(_BASIC_AUTHENTICATION)
            return refused
        return HTMLResponse(build_page())

    async def _refuse(self, request: Request) -> Response | None:
        given = read_credentials(request)
        credentials = replace(given, authorization=_convert_to_bearer(given.authorization))
        try:
            await prepare_key(credentials.authorization)
            await run_in_threadpool(self._admit, credentials)
        except ApiError as error:
            return make_refusal(error).response({})
        except OrderFactoryError as error:
            return make_refusal(convert_error(error)).response({})
        return None

    def _admit(self, credentials: Credentials) -> None:
        with reading() as db:
            self._admission.admit(db, credentials)


async def redirect_to_page(request: Request) -> Response:
    """Redirect a browser to the page. Answer a program with 404 and the page's URL."""
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(f"{find_base_url(request)}/docs", 302)
    return make_refusal(unknown_path("The documentation is at /api/docs.")).response({})


def _convert_to_bearer(authorization: str | None) -> str | None:
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return authorization
    try:
        _, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return f"Bearer {password}"
