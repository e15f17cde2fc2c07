"""A request without its body, and its query for a target."""

from dataclasses import dataclass

from starlette.datastructures import QueryParams
from starlette.requests import Request

from order_factory.api.admission import Credentials
from order_factory.api.caller import Caller
from order_factory.api.errors import ApiError, Problem
from order_factory.api.presenting import View
from order_factory.api.query.parameters import Query, parse_query
from order_factory.api.resources.transfers import ATTACHMENT_KEY
from order_factory.api.settings import api_settings
from order_factory.api.targets import Kind, Target
from order_factory.api.urls import find_base_url


@dataclass(frozen=True)
class Incoming:
    """A request: `path` is below `/api/`, `pairs` are the query's names and values."""

    method: str
    path: str
    query: str
    pairs: list[tuple[str, str]]
    base: str
    credentials: Credentials
    idempotency_key: str | None

    @property
    def writes(self) -> bool:
        return self.method not in ("GET", "HEAD")


def read_request(request: Request) -> Incoming:
    """Read a request. Raises `ApiError` (414) if its query is too long."""
    raw = request.scope["query_string"]
    if len(raw) > api_settings().query_limit:
        detail = f"The query has more than {api_settings().query_limit} bytes."
        raise ApiError(Problem(414, "URI_TOO_LONG", "URI too long", detail))
    query = raw.decode("latin-1")
    return Incoming(
        request.method,
        request.path_params["path"],
        query,
        QueryParams(query).multi_items() if query else [],
        find_base_url(request),
        read_credentials(request),
        request.headers.get("idempotency-key"),
    )


def read_credentials(request: Request) -> Credentials:
    """The credentials of a request."""
    address = request.client.host if request.client else ""
    return Credentials(request.headers.get("authorization"), address)


def make_view(incoming: Incoming, target: Target, caller: Caller) -> View:
    """How to show the answer. Raises `ApiError` (400) that names a wrong parameter."""
    if target.kind in (Kind.REPORT, Kind.DIFFERENCES, Kind.LINKAGE) or incoming.method == "DELETE":
        query = _require_only_pages(incoming, target)
    elif target.kind == Kind.ATTACHMENT:
        pairs = [pair for pair in incoming.pairs if pair[0] != ATTACHMENT_KEY]
        query = parse_query(target.shown, pairs, listing=False)
    else:
        query = parse_query(target.shown, incoming.pairs, listing=_lists(incoming, target))
    return View(incoming.base, caller.mode, query, secrets=caller.may_write)


def _lists(incoming: Incoming, target: Target) -> bool:
    return target.is_list and not incoming.writes


def _require_only_pages(incoming: Incoming, target: Target) -> Query:
    """Allow no parameters but the pages of the identifiers of a to-many relationship."""
    pages = target.relationship is not None and target.relationship.many
    for name, _ in incoming.pairs:
        if not (pages and name in ("page[number]", "page[size]")):
            detail = f"{name} is not allowed."
            raise ApiError(
                Problem(400, "PARAM_NOT_ALLOWED", "Param not allowed", detail, parameter=name)
            )
    return parse_query(target.shown, incoming.pairs, listing=True)
