"""Health and readiness, the only things that anyone may ask without a token."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse

from order_factory.models.database.schema import require_schema


async def health(_request: Request) -> JSONResponse:
    """The process answers."""
    return JSONResponse({"status": "ok"})


async def ready(_request: Request) -> JSONResponse:
    """The database answers, too, and has the newest schema."""
    try:
        await run_in_threadpool(require_schema)
    except Exception:  # noqa: BLE001  (why is nobody's business here)
        return JSONResponse({"status": "unavailable"}, 503, {"Retry-After": "5"})
    return JSONResponse({"status": "ready"})
