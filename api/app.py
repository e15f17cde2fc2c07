"""The application: its routes, its middleware and its background threads."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from starlette.applications import Starlette
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from order_factory.api.admission import Admission
from order_factory.api.answers import make_refusal
from order_factory.api.dispatcher import CopyStarter, Dispatcher
from order_factory.api.documentation.serving import Documentation, redirect_to_page
from order_factory.api.endpoints import Endpoints
from order_factory.api.errors import method_not_allowed, unknown_path
from order_factory.api.health import health, make_readiness
from order_factory.api.middleware import Compression, RequestLog
from order_factory.api.processors import staying_on
from order_factory.api.rate_limits import RATE_HEADERS
from order_factory.api.readers import Readers
from order_factory.api.settings import api_settings
from order_factory.api.watchdog import Watchdog
from order_factory.api.webhook_dispatcher import WebhookDispatcher
from order_factory.api.writing import Writer

SECONDS_TO_END = 30
_BROWSER_HEADERS = [
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-None-Match",
    "X-Request-Id",
]
_RESOURCE_PATH = "resource_path"
_METHODS = ["GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "OPTIONS"]


class _ResourcePaths(PathConvertor):
    """Every path below `/api/` that is not one of the service itself."""

    regex = r"(?!(?:health|ready|openapi\.json|docs)?$).*"


register_url_convertor(_RESOURCE_PATH, _ResourcePaths())


def _answer_outside(request: Request, error: Exception) -> Response:
    """Answer requests without a route in the same form."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "GET, HEAD")
        return make_refusal(method_not_allowed(request.method, allowed)).response({})
    return make_refusal(unknown_path()).response({})


class Background(Protocol):
    """Work in a separate thread, at the same time as the requests."""

    def start(self) -> None: ...

    def stop(self, seconds: float) -> None:
        """End the thread; wait this long for the work in progress."""


def make_background_threads() -> list[Background]:
    """Return the threads that run once for all processes. The dispatcher is not one of them."""
    threads: list[Background] = [Watchdog()]
    if api_settings().dispatch_webhooks:
        threads.append(WebhookDispatcher())
    return threads


def make_service(
    start_prefect: Callable[[], None] = lambda: None, processor: int | None = None
) -> Starlette:
    """The service in one process, with the settings of the environment.

    `start_prefect` starts a Prefect server if none is configured.
    """
    settings = api_settings()
    dispatcher = Dispatcher(settings, start_prefect=start_prefect) if settings.dispatch else None
    return make_app(dispatcher, make_background_threads(), processor=processor)


def make_app(
    dispatcher: CopyStarter | None,
    background: Sequence[Background],
    counters: Path | None = None,
    processor: int | None = None,
) -> Starlette:
    """Return the ASGI application with the background threads of this process.

    `counters` is the file in which several processes count the requests of each caller. The threads
    that answer requests stay on the `processor`.
    """
    settings = api_settings()
    writer, readers = Writer(processor), Readers(settings.threads, processor)
    threads = [*background, *([] if dispatcher is None else [dispatcher])]

    @asynccontextmanager
    async def run_threads(_app: Starlette) -> AsyncIterator[None]:
        writer.start()
        readers.start()
        for each in threads:
            each.start()
        with staying_on(processor):
            yield
        readers.stop()
        writer.stop()
        for each in threads:
            each.stop(SECONDS_TO_END)

    admission = Admission(counters)
    documentation = Documentation(admission)
    endpoints = Endpoints(writer, readers, dispatcher, admission)
    ready = make_readiness(dispatcher).ready
    app = Starlette(
        routes=[
            # First, because nearly all requests are for a resource.
            Route(f"/api/{{path:{_RESOURCE_PATH}}}", endpoints, methods=_METHODS),
            *(Route(path, health) for path in ("/health", "/api/health")),
            *(Route(path, ready) for path in ("/ready", "/api/ready")),
            *(Route(path, redirect_to_page) for path in ("/", "/api", "/api/")),
            Route("/api/openapi.json", documentation.openapi),
            Route("/api/docs", documentation.page),
        ],
        exception_handlers={HTTPException: _answer_outside},
        lifespan=run_threads,
    )
    app.router.redirect_slashes = False
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=_METHODS,
            allow_headers=_BROWSER_HEADERS,
            expose_headers=["ETag", "Location", "Retry-After", "X-Request-Id", *RATE_HEADERS],
        )
    app.add_middleware(Compression)
    app.add_middleware(RequestLog)
    return app
