"""Checking a request's media types and size before it is processed."""

from collections.abc import Mapping

from starlette.requests import ClientDisconnect, Request

from order_factory.api.errors import ApiError, Problem
from order_factory.api.settings import api_settings

MEDIA_TYPE = "application/vnd.api+json"
MULTIPART = "multipart/form-data"
_RANGES = {"*/*", "application/*", MEDIA_TYPE}


def check_accept(headers: Mapping[str, str]) -> None:
    """Raise `ApiError` (406) if the client does not accept JSON:API without parameters."""
    accept = headers.get("accept")
    if accept is None or not accept.strip():
        return
    for each in accept.split(","):
        media_range, *parameters = (part.strip().lower() for part in each.split(";"))
        weights = [part for part in parameters if part.startswith("q=")]
        refused = any(part.replace("q=", "").strip("0.") == "" for part in weights)
        if media_range in _RANGES and len(weights) == len(parameters) and not refused:
            return
    detail = f"The service answers with {MEDIA_TYPE}, without parameters."
    raise ApiError(Problem(406, "NOT_ACCEPTABLE", "Not acceptable", detail, header="Accept"))


def check_content_type(headers: Mapping[str, str]) -> None:
    """Raise `ApiError` (415) for a body of another type, or of a type with parameters."""
    if headers.get("content-type", "").strip().lower() != MEDIA_TYPE:
        detail = f"The body's Content-Type must be {MEDIA_TYPE}, without parameters."
        problem = Problem(
            415, "UNSUPPORTED_MEDIA_TYPE", "Unsupported media type", detail, header="Content-Type"
        )
        raise ApiError(problem)


def is_multipart(content_type: str) -> bool:
    """Whether a `Content-Type` is that of a multipart form."""
    return content_type.split(";")[0].strip().lower() == MULTIPART


async def read_body(request: Request) -> bytes:
    """Return the body. Raises `ApiError` (413) if it is longer than the settings allow."""
    limit = api_settings().body_limit
    if request.headers.get("content-length", "0").isdigit():
        _check_size(int(request.headers.get("content-length", "0")), limit)
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            _check_size(size, limit)
            parts.append(part)
    except ClientDisconnect as error:
        raise ApiError(
            Problem(400, "BAD_REQUEST", "Bad request", "The body ended too early.")
        ) from error
    return b"".join(parts)


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        detail = f"The body has more than {limit} bytes."
        problem = Problem(413, "PAYLOAD_TOO_LARGE", "Payload too large", detail)
        raise ApiError(problem, headers={"Connection": "close"})
