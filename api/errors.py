"""The errors of requests, as JSON:API error objects.

Every error of the service is created here or is an `OrderFactoryError`. Endpoints build no error
body.
"""

from dataclasses import dataclass
from typing import Any

from order_factory.models.errors import OrderFactoryError


@dataclass(frozen=True)
class Problem:
    """One error object. `pointer` names the place in the body, `parameter` that in the query."""

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
    """A request is refused because of one or more problems. Has headers for the answer."""

    def __init__(self, *problems: Problem, headers: dict[str, str] | None = None) -> None:
        super().__init__(*problems)
        self.problems = problems
        self.headers = headers or {}

    @property
    def status(self) -> int:
        return self.problems[0].status


def wrong_parameter(code: str, parameter: str, title: str, detail: str) -> ApiError:
    """400: a parameter of the query is not supported or malformed."""
    return ApiError(Problem(400, code, title, detail, parameter=parameter))


def wrong_body(code: str, pointer: str, title: str, detail: str) -> ApiError:
    """400: a part of the body is not supported or malformed."""
    return ApiError(Problem(400, code, title, detail, pointer=pointer))


def make_rule_problem(name: str, rule: str, part: str = "attributes") -> Problem:
    """422: a value of the body breaks a rule; `part` is `attributes` or `relationships`."""
    pointer = f"/data/{part}/{name}"
    return Problem(422, "VALIDATION_ERROR", rule, f"{name} - {rule}", pointer=pointer)


def not_found(name: str) -> ApiError:
    detail = f"The record identified by {name} could not be found."
    return ApiError(Problem(404, "RECORD_NOT_FOUND", "Record not found", detail))


def unknown_path(hint: str = "") -> ApiError:
    detail = f"There is nothing at this path. {hint}".strip()
    return ApiError(Problem(404, "NOT_FOUND", "Not found", detail))


def method_not_allowed(method: str, allowed: str) -> ApiError:
    detail = f"{method[:16]} is not allowed here."
    problem = Problem(405, "METHOD_NOT_ALLOWED", "Method not allowed", detail)
    return ApiError(problem, headers={"Allow": allowed})


def conflict(detail: str, code: str = "CONFLICT", pointer: str | None = None) -> ApiError:
    return ApiError(Problem(409, code, "Conflict", detail, pointer=pointer))


def invalid_token(detail: str) -> ApiError:
    """401: the token is missing, unknown, revoked or expired. Another token may work."""
    problem = Problem(401, "INVALID_TOKEN", "Invalid token", detail)
    return ApiError(problem, headers={"WWW-Authenticate": 'Bearer realm="order-factory"'})


def unauthorized(detail: str) -> ApiError:
    """401: the token is valid, but does not allow this."""
    return ApiError(Problem(401, "UNAUTHORIZED", "Unauthorized", detail))


def convert_error(error: OrderFactoryError) -> ApiError:
    """The `ApiError` for an error of the layers below, without internals."""
    if error.status >= 500:
        return unavailable()
    code = error.code.upper()
    return ApiError(Problem(error.status, code, code.replace("_", " ").capitalize(), str(error)))


def too_many_waiting(most: int) -> ApiError:
    """429: many requests of one token wait for their turn."""
    detail = f"More than {most} requests of this token are waiting. Send fewer at a time."
    problem = Problem(429, "TOO_MANY_AT_ONCE", "Too many requests at once", detail)
    return ApiError(problem, headers={"Retry-After": "1"})


def unavailable(seconds: int = 1) -> ApiError:
    detail = "The service cannot answer now. Try again later."
    problem = Problem(503, "SERVICE_UNAVAILABLE", "Service unavailable", detail)
    return ApiError(problem, headers={"Retry-After": str(seconds)})


def disk_full() -> ApiError:
    """507: there is no space for the file."""
    detail = "There is no space left for the file; nothing was stored. Try again once the operator has made room."
    problem = Problem(507, "INSUFFICIENT_STORAGE", "Insufficient storage", detail)
    return ApiError(problem, headers={"Connection": "close"})


def internal() -> ApiError:
    detail = "An unexpected error occurred, and nothing was changed. Report it with the request id."
    return ApiError(Problem(500, "INTERNAL_SERVER_ERROR", "Internal server error", detail))
