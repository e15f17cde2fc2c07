"""The errors of requests, as JSON:API error objects.

Every error of the service is made here or is an `OrderFactoryError`; endpoints build no body.
"""

from dataclasses import dataclass
from typing import Any

from order_factory.models.errors import OrderFactoryError


@dataclass(frozen=True)
class Problem:
    """One error object; `pointer` says where in the body, `parameter` which of the query's."""

    status: int
    code: str
    title: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None

    def as_json(self) -> dict[str, Any]:
        places = {"pointer": self.pointer, "parameter": self.parameter, "header": self.header}
        shown = {
            "title": self.title,
            "detail": self.detail,
            "code": self.code,
            "status": str(self.status),
        }
        source = {name: place for name, place in places.items() if place is not None}
        return shown | ({"source": source} if source else {})


class ApiError(Exception):
    """A request that is refused: one problem or several, and headers for the answer."""

    def __init__(self, *problems: Problem, headers: dict[str, str] | None = None) -> None:
        super().__init__(*problems)
        self.problems = problems
        self.headers = headers or {}

    @property
    def status(self) -> int:
        return self.problems[0].status


def wrong_parameter(code: str, parameter: str, title: str, detail: str) -> ApiError:
    """400: something in the query that is not supported or malformed; it is named."""
    return ApiError(Problem(400, code, title, detail, parameter=parameter))


def wrong_body(code: str, pointer: str, title: str, detail: str) -> ApiError:
    """400: something in the body that is not supported or malformed."""
    return ApiError(Problem(400, code, title, detail, pointer=pointer))


def broken_rule(name: str, rule: str, part: str = "attributes") -> Problem:
    """422: a value of the body breaks a rule; `part` is `attributes` or `relationships`."""
    pointer = f"/data/{part}/{name}"
    return Problem(422, "VALIDATION_ERROR", rule, f"{name} - {rule}", pointer=pointer)


def not_found(what: str) -> ApiError:
    detail = f"The record identified by {what} could not be found."
    return ApiError(Problem(404, "RECORD_NOT_FOUND", "Record not found", detail))


def nothing_here(hint: str = "") -> ApiError:
    detail = f"There is nothing at this path. {hint}".strip()
    return ApiError(Problem(404, "NOT_FOUND", "Not found", detail))


def method_not_allowed(method: str, allowed: str) -> ApiError:
    detail = f"{method[:16]} is not allowed here."
    problem = Problem(405, "METHOD_NOT_ALLOWED", "Method not allowed", detail)
    return ApiError(problem, headers={"Allow": allowed})


def conflict(detail: str, code: str = "CONFLICT", pointer: str | None = None) -> ApiError:
    return ApiError(Problem(409, code, "Conflict", detail, pointer=pointer))


def invalid_token(detail: str) -> ApiError:
    """401: no token, or one that does not count (any more); a client may get another."""
    problem = Problem(401, "INVALID_TOKEN", "Invalid token", detail)
    return ApiError(problem, headers={"WWW-Authenticate": 'Bearer realm="order-factory"'})


def unauthorized(detail: str) -> ApiError:
    """401: a good token that does not allow this."""
    return ApiError(Problem(401, "UNAUTHORIZED", "Unauthorized", detail))


def of_order_factory(error: OrderFactoryError) -> ApiError:
    """An error of the layers below; what it says of the inside is left out."""
    if error.status >= 500:
        return unavailable()
    code = error.code.upper()
    return ApiError(Problem(error.status, code, code.replace("_", " ").capitalize(), str(error)))


def unavailable(seconds: int = 1) -> ApiError:
    detail = "The service cannot answer now. Try again later."
    problem = Problem(503, "SERVICE_UNAVAILABLE", "Service unavailable", detail)
    return ApiError(problem, headers={"Retry-After": str(seconds)})


def internal() -> ApiError:
    detail = "Something unexpected went wrong; nothing was changed. The request id names it."
    return ApiError(Problem(500, "INTERNAL_SERVER_ERROR", "Internal server error", detail))
