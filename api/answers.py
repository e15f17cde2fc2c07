"""Responses: a document, its status and its headers."""

import json
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

import orjson
from starlette.responses import Response

from order_factory.api.errors import ApiError
from order_factory.api.negotiation import MEDIA_TYPE
from order_factory.api.presenting import Json


@dataclass(frozen=True)
class Answer:
    """The answer to a request. `stored` says that it stored something for others to process."""

    status: int
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str = MEDIA_TYPE

    def response(self, headers: dict[str, str]) -> Response:
        """The response, with these headers besides its own."""
        kind = self.media_type if self.body is not None else None
        return Response(self.body, self.status, headers | self.headers, media_type=kind)


def add_etag(answer: Answer, if_none_match: str | None) -> Answer:
    """The answer to a read with its `ETag`; 304 without a body if the client has it already.

    The tag is weak, because a compressed answer has the same tag.
    """
    tag = f'W/"{blake2b(answer.body or b"", digest_size=16).hexdigest()}"'
    known = [each.strip().removeprefix("W/") for each in (if_none_match or "").split(",")]
    if tag.removeprefix("W/") in known or known == ["*"]:
        return Answer(304, None, {"ETag": tag})
    return replace(answer, headers=answer.headers | {"ETag": tag})


def render(document: Json) -> bytes:
    """The document as JSON."""
    try:
        return orjson.dumps(document)
    except TypeError:  # metadata may contain a number of more than 64 bits
        return json.dumps(document, ensure_ascii=False, default=_parsed).encode()


def _parsed(fragment: Any) -> Any:
    """Return the value of a rendered fragment, because only `orjson` can embed the text itself."""
    return orjson.loads(orjson.dumps(fragment))


def refusal(error: ApiError) -> Answer:
    """The answer that describes the error."""
    document = {"errors": [problem.as_json() for problem in error.problems]}
    return Answer(error.status, render(document), error.headers)
