"""Health and readiness, the only endpoints without a token."""

from collections.abc import Callable, Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse

from order_factory.api.dispatcher import CopyStarter
from order_factory.models.database.engine import reading
from order_factory.models.database.identity import explain_cut_off
from order_factory.models.database.schema import require_schema
from order_factory.tasks.subscriptions.watchdog import find_overdue_now

SHOP = "shop"
_COPY_DETAIL = (
    "The database is a copy of a shop's or was moved. No payment gateway is called, and no webhook "
    "and no notice is sent, until `order-factory adopt` is run."
)
# Each raises an exception if it fails.
Check = Callable[[], None]


async def health(_request: Request) -> JSONResponse:
    """Answers as long as the process runs."""
    return JSONResponse({"status": "ok"})


class Readiness:
    """Checks whether the service can do its work. It names failed checks without their reasons."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks

    async def ready(self, _request: Request) -> JSONResponse:
        """200 if every check passes, otherwise 503. Says since when renewals are overdue."""
        lacking = [
            name
            for name, check in self._checks.items()
            if not await run_in_threadpool(_passes, check)
        ]
        if not lacking:
            return JSONResponse({"status": "ready"} | await run_in_threadpool(_overdue))
        document: dict[str, object] = {"status": "unavailable", "lacking": lacking}
        if SHOP in lacking:
            document["detail"] = _COPY_DETAIL
        return JSONResponse(document, 503, {"Retry-After": "5"})


def make_readiness(dispatcher: CopyStarter | None) -> Readiness:
    """Return the checks: the database answers, has the newest schema, and is the shop's.

    If the service copies, Prefect must answer too.
    """
    checks: dict[str, Check] = {"database": require_schema, SHOP: _require_shop}
    if dispatcher is not None:
        checks["prefect"] = dispatcher.require_prefect
    return Readiness(checks)


def _require_shop() -> None:
    with reading() as db:
        reason = explain_cut_off(db)
    if reason is not None:
        raise reason


def _passes(check: Check) -> bool:
    try:
        check()
    except Exception:  # noqa: BLE001  (anybody can read the answer, so it has no reason)
        return False
    return True


def _overdue() -> dict[str, str]:
    """When renewals became overdue. The service is ready all the same: it can take requests."""
    overdue = find_overdue_now()
    if overdue is None:
        return {}
    return {"renewals_overdue_since": overdue.since.isoformat().replace("+00:00", "Z")}
