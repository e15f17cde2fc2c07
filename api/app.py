"""The application: its routes, what surrounds them, and what runs beside them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response

from order_factory.api.answers import refusal
from order_factory.api.dispatcher import Dispatcher
from order_factory.api.documentation.serving import openapi, page
from order_factory.api.endpoints import Endpoints
from order_factory.api.errors import method_not_allowed, nothing_here
from order_factory.api.health import health, ready
from order_factory.api.middleware import RequestLog
from order_factory.api.settings import api_settings
from order_factory.api.writing import Writer

_SECONDS_TO_END = 30
_METHODS = ["GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "OPTIONS"]


def _outside(request: Request, error: Exception) -> Response:
    """What no route takes is answered in the same form."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "GET, HEAD")
        return refusal(method_not_allowed(request.method, allowed)).response({})
    return refusal(nothing_here()).response({})


def make_app() -> FastAPI:
    """The service as an ASGI application, of the settings in the environment."""
    settings = api_settings()
    writer = Writer()
    dispatcher = Dispatcher(settings) if settings.dispatch else None

    @asynccontextmanager
    async def running(_app: FastAPI) -> AsyncIterator[None]:
        writer.start()
        if dispatcher is not None:
            dispatcher.start()
        yield
        writer.stop()
        if dispatcher is not None:
            dispatcher.stop(_SECONDS_TO_END)

    app = FastAPI(
        title="order factory",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=running,
        redirect_slashes=False,
    )
    for path, answer in (("health", health), ("ready", ready)):
        app.add_route(f"/{path}", answer)
        app.add_route(f"/api/{path}", answer)
    app.add_route("/api/openapi.json", openapi)
    app.add_route("/api/docs", page)
    app.add_route("/api/{path:path}", Endpoints(writer, dispatcher).handle, methods=_METHODS)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=_METHODS,
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "X-Request-Id"],
            expose_headers=["Location", "Retry-After", "X-Request-Id"],
        )
    app.add_exception_handler(HTTPException, _outside)
    app.add_middleware(RequestLog)
    return app
