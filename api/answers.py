"""Responses: a document, its status and its headers."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import IO, Any

import orjson
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from order_factory.api.errors import ApiError
from order_factory.api.negotiation import MEDIA_TYPE
from order_factory.api.presenting import Json

_PIECE_BYTES = 1 << 16


@dataclass(frozen=True)
class Answer:
    """The answer to a request. A large one is a `file`, which is sent piece by piece and closed."""

    status: int
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str = MEDIA_TYPE
    file: IO[bytes] | None = None

    def response(self, headers: dict[str, str]) -> Response:
        """The response, with its own headers and these."""
        if self.file is not None:
            return _FileResponse(self.file, self.status, headers | self.headers, self.media_type)
        kind = self.media_type if self.body is not None else None
        return Response(self.body, self.status, headers | self.headers, media_type=kind)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(_PIECE_BYTES):
        yield piece


class _FileResponse(StreamingResponse):
    """Sends a file piece by piece. Closes it at the end of the request, also after an error."""

    def __init__(
        self, file: IO[bytes], status: int, headers: dict[str, str], media_type: str
    ) -> None:
        super().__init__(_pieces(file), status, headers, media_type)
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._file.close()


def add_etag(answer: Answer, if_none_match: str | None) -> Answer:
    """The answer to a read with its `ETag`; 304 without a body if the client has it already.

    The tag is weak, because a compressed answer has the same tag.
    """
    # Processors have instructions for SHA-256; other hashes take several times as long.
    digest = sha256(answer.body or b"")
    if answer.file is not None:
        for piece in _pieces(answer.file):
            digest.update(piece)
    tag = f'W/"{digest.hexdigest()[:32]}"'
    if if_none_match is not None and _is_known(tag, if_none_match):
        if answer.file is not None:
            answer.file.close()
        return Answer(304, None, {"ETag": tag})
    answer.headers["ETag"] = tag
    return answer


def _is_known(tag: str, if_none_match: str) -> bool:
    known = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return tag.removeprefix("W/") in known or known == ["*"]


def render(document: Json) -> bytes:
    """The document as JSON."""
    try:
        return orjson.dumps(document)
    except TypeError:  # metadata may contain a number of more than 64 bits
        return json.dumps(document, ensure_ascii=False, default=_parse_fragment).encode()


def _parse_fragment(fragment: Any) -> Any:
    """Return the value of a rendered fragment, because only `orjson` can embed the text itself."""
    return orjson.loads(orjson.dumps(fragment))


def make_refusal(error: ApiError) -> Answer:
    """The answer that describes the error."""
    document = {"errors": [problem.as_json() for problem in error.problems]}
    return Answer(error.status, render(document), error.headers)
