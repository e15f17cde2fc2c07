"""Answer requests.

A read is one transaction that only reads. For a write, the token is checked first. Then the write
shares a transaction with the other waiting writes (`order_factory.api.writing`). It is answered
after the commit.
"""

import logging

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from order_factory.api.admission import Admission
from order_factory.api.answers import Answer, add_etag, make_refusal
from order_factory.api.attachments import find_key_holder
from order_factory.api.authentication import require_scope
from order_factory.api.caller import Caller
from order_factory.api.dispatcher import CopyStarter
from order_factory.api.errors import ApiError, convert_error, internal, unavailable
from order_factory.api.fair_shares import FairShares
from order_factory.api.idempotency import check_key
from order_factory.api.incoming import Incoming, read_request
from order_factory.api.jwts import prepare_key
from order_factory.api.logs import describe_failure
from order_factory.api.negotiation import (
    check_accept,
    check_content_type,
    is_multipart,
    read_body,
)
from order_factory.api.processors import run_in_thread
from order_factory.api.readers import Readers
from order_factory.api.reads import read
from order_factory.api.settings import api_settings
from order_factory.api.targets import Target, find_target, require_method
from order_factory.api.uploads import read_upload, receive_form
from order_factory.api.writes import plan_upload, plan_write
from order_factory.api.writing import Writer
from order_factory.models.database.engine import reading
from order_factory.models.database.transient import is_transient
from order_factory.models.errors import OrderFactoryError

_log = logging.getLogger("order_factory.api")


class Endpoints:
    """Answers every request below `/api/`, with the shared parts of the service."""

    def __init__(
        self,
        writer: Writer,
        readers: Readers,
        dispatcher: CopyStarter | None,
        admission: Admission,
    ) -> None:
        self._writer = writer
        self._dispatcher = dispatcher
        self._admission = admission
        self._readers = readers
        self._uploads = FairShares(api_settings().uploads)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as an ASGI application."""
        response = await self._handle(Request(scope, receive, send))
        await response(scope, receive, send)

    async def _handle(self, request: Request) -> Response:
        """Return the answer to a request, or the error that describes its problem."""
        # Sent with every answer, also with an error.
        request.state.headers = {}
        try:
            answer = await self._answer(request)
        except ApiError as error:
            answer = make_refusal(error)
        except OrderFactoryError as error:
            answer = make_refusal(convert_error(error))
        except Exception as error:  # noqa: BLE001  (the client sees no internals)
            _log.error("request failed", extra={"failure": describe_failure(error)})
            answer = make_refusal(unavailable() if is_transient(error) else internal())
        if answer.status >= 400 and _sends_form(request):
            # The rest of the file is not read.
            request.state.headers |= {"Connection": "close"}
        return answer.response(request.state.headers)

    async def _answer(self, request: Request) -> Answer:
        incoming = read_request(request)
        await prepare_key(incoming.credentials.authorization)
        share = incoming.credentials.share
        if not incoming.writes:
            response: Answer = await self._readers.read(
                share, lambda db: self._read(db, request, incoming)
            )
            return response
        # Reads must not delay the admission of writes, which takes a millisecond.
        caller: Caller = await self._readers.read(
            f"writes of {share}", lambda db: self._admit(db, request, incoming)
        )
        check_accept(request.headers)
        target = find_target(incoming.path)
        require_method(target, incoming.method)
        require_scope(caller, writes=True)
        if incoming.method == "POST" and target.resource.takes_file and _sends_form(request):
            answer = await self._upload(request, incoming, target, caller)
        else:
            body = b""
            if incoming.method != "DELETE":
                check_content_type(request.headers)
                body = await read_body(request)
            work = plan_write(incoming, target, caller, body)
            # It may record, stop or resume hundreds of thousands of copies.
            is_large = target.resource.takes_file
            answer = await (self._writer.write_alone if is_large else self._writer.write)(work)
        if self._dispatcher is not None and incoming.method != "DELETE":
            self._dispatcher.wake()
        return answer

    async def _upload(
        self, request: Request, incoming: Incoming, target: Target, caller: Caller
    ) -> Answer:
        """Receive a file, and store it with its resource in one transaction."""
        check_key(incoming.idempotency_key)
        async with self._uploads.turn(incoming.credentials.share):
            form = await receive_form(request)
            try:
                upload = await run_in_thread(read_upload, target.resource, form)
            finally:
                await form.close()
            try:
                work = plan_upload(incoming, target, caller, upload)
                answer: Answer = await self._writer.write_alone(work)
            finally:
                upload.close()
        return answer

    def _read(self, db: Connection, request: Request, incoming: Incoming) -> Answer:
        caller = find_key_holder(db, incoming) or self._admit(db, request, incoming)
        target = find_target(incoming.path)
        require_method(target, incoming.method)
        require_scope(caller, writes=False)
        if target.is_file:
            # Its rows are fetched piece by piece, which needs a transaction.
            with reading() as own:
                answer = read(own, incoming, target, caller)
        else:
            check_accept(request.headers)
            answer = read(db, incoming, target, caller)
        return add_etag(answer, request.headers.get("if-none-match"))

    def _admit(self, db: Connection, request: Request, incoming: Incoming) -> Caller:
        caller, headers = self._admission.admit(db, incoming.credentials)
        request.state.caller = caller.name
        request.state.headers |= headers
        return caller


def _sends_form(request: Request) -> bool:
    return is_multipart(request.headers.get("content-type", ""))
