"""Serving the documentation to whoever has a token.

A browser cannot send a bearer token by itself, so the page also takes the token as the password
of HTTP's basic authentication, which browsers ask for.
"""

import base64
import binascii

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from order_factory.api.answers import refusal
from order_factory.api.authentication import authenticate
from order_factory.api.documentation.openapi import openapi_document
from order_factory.api.documentation.page import documentation_page
from order_factory.api.errors import ApiError, of_order_factory
from order_factory.models.database.engine import reading
from order_factory.models.errors import OrderFactoryError

_ASK = {"WWW-Authenticate": 'Basic realm="order-factory: any name, and a token as the password"'}


async def openapi(request: Request) -> Response:
    """The OpenAPI document."""
    refused = await run_in_threadpool(_refused, request)
    if refused is not None:
        return refused
    return Response(orjson.dumps(openapi_document()), media_type="application/json")


async def page(request: Request) -> Response:
    """The page for people."""
    refused = await run_in_threadpool(_refused, request)
    if refused is not None:
        refused.headers.update(_ASK)
        return refused
    return HTMLResponse(documentation_page())


def _refused(request: Request) -> Response | None:
    try:
        with reading() as db:
            authenticate(db, _as_bearer(request.headers.get("authorization")))
    except ApiError as error:
        return refusal(error).response({})
    except OrderFactoryError as error:
        return refusal(of_order_factory(error)).response({})
    return None


def _as_bearer(authorization: str | None) -> str | None:
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return authorization
    try:
        _, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return f"Bearer {password}"
