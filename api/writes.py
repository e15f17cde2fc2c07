"""Writing requests: each becomes work for the writer, checked as far as possible beforehand."""

import json
from dataclasses import replace
from uuid import uuid4

from sqlalchemy import Connection

from order_factory.api.answers import Answer, render
from order_factory.api.caller import Caller
from order_factory.api.differences import list_differences
from order_factory.api.documents import Document, parse_document
from order_factory.api.errors import ApiError, not_found
from order_factory.api.idempotency import (
    StoredAnswer,
    check_key,
    compute_digest,
    find_answer,
    store_answer,
)
from order_factory.api.incoming import Incoming, make_view
from order_factory.api.reading import find_row, present, require_row
from order_factory.api.resources.description import WRITTEN_OVER, ResourceType, Row
from order_factory.api.resources.order_factories import ORDER_COPIES
from order_factory.api.storing import create_row, delete_row, update_row
from order_factory.api.targets import Target
from order_factory.api.uploads import Upload
from order_factory.api.writing import Work
from order_factory.models.values.public_ids import public_id
from order_factory.tasks.stored_files.packing import PackedFile

_DRY_RUN = ("dry_run", "true")


def plan_write(incoming: Incoming, target: Target, caller: Caller, body: bytes) -> Work:
    """Return the work to do in a transaction, which returns the `Answer`. Raises `ApiError`."""
    if incoming.method == "POST":
        if target.resource is ORDER_COPIES and _DRY_RUN in incoming.pairs:
            return _rehearse(incoming, target, caller, body)
        document = parse_document(target.resource, body)
        return _create(incoming, target, caller, document, body)
    if incoming.method == "PATCH":
        return _update(incoming, target, caller, body)
    return _delete(incoming, target, caller)


def plan_upload(incoming: Incoming, target: Target, caller: Caller, upload: Upload) -> Work:
    """The same for a create with an uploaded file."""
    document = upload.document
    asked_for = [upload.file.sha256, document.attributes, document.relationships]
    body = json.dumps(asked_for, sort_keys=True).encode()
    return _create(incoming, target, caller, document, body, upload.file)


class _Rehearsed(Exception):
    """Rolls back to the savepoint, and carries the answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer)
        self.answer = answer


def _create(
    incoming: Incoming,
    target: Target,
    caller: Caller,
    document: Document,
    body: bytes,
    file: PackedFile | None = None,
) -> Work:
    resource, view = target.resource, make_view(incoming, target, caller)
    key = check_key(incoming.idempotency_key)
    digest = compute_digest(incoming.path, incoming.query, body)

    made_before: tuple[Row, Answer] | None = None

    def create(db: Connection) -> Answer:
        nonlocal made_before
        known = None if key is None else find_answer(db, caller, key, digest)
        if known is not None:
            return Answer(known.status, known.body, {"Location": known.location})
        if made_before is not None and _is_stored(db, resource, made_before[0], caller.mode):
            return made_before[1]
        row = create_row(db, resource, document, caller.mode, file)
        row[WRITTEN_OVER] = {}
        location = f"{view.base}/{resource.name}/{public_id(resource.ids, row['id'])}"
        made = StoredAnswer(201, location, render(present(db, resource, row, view)))
        if key is not None:
            store_answer(db, caller, key, digest, made)
        answer = Answer(made.status, made.body, {"Location": location})
        made_before = row, answer
        return answer

    return create


def _is_stored(db: Connection, resource: ResourceType, made: Row, mode: str) -> bool:
    """Return whether an earlier attempt was committed, although the connection was lost then.

    SQLite may give the key of an attempt that was rolled back to another row, made at another time.
    """
    stored = find_row(db, resource, made["id"], mode)
    return stored is not None and stored["created_at"] == made["created_at"]


def _rehearse(incoming: Incoming, target: Target, caller: Caller, body: bytes) -> Work:
    """Make the copy, roll it back, and return an answer with the copy and its differences."""
    pairs = [pair for pair in incoming.pairs if pair != _DRY_RUN]
    resource = target.resource
    view = make_view(replace(incoming, pairs=pairs), target, caller)
    document = parse_document(resource, body)

    def rehearse(db: Connection) -> Answer:
        # Imported here, because it imports Prefect, which takes seconds.
        from order_factory.tasks.copying.rehearsal import rehearse_copy

        try:
            with db.begin_nested():
                row_key = create_row(db, resource, document, caller.mode)["id"]
                rehearse_copy(db, row_key)
                row = find_row(db, resource, row_key, caller.mode)
                assert row is not None
                shown = present(db, resource, row, view)
                shown["meta"] = {"dry_run": True, "differences": list_differences(db, row_key)}
                raise _Rehearsed(Answer(200, render(shown)))
        except _Rehearsed as rehearsed:
            return rehearsed.answer

    return rehearse


def _update(incoming: Incoming, target: Target, caller: Caller, body: bytes) -> Work:
    resource, view = target.resource, make_view(incoming, target, caller)
    document = parse_document(resource, body, target.name)
    key = check_key(incoming.idempotency_key)
    # A request that is run again after a lost connection, or sent again, has the same name.
    request = uuid4().hex if key is None else f"{caller.name}\x1f{target.name}\x1f{key}"

    def update(db: Connection) -> Answer:
        row = require_row(db, resource, target.name, caller.mode)
        update_row(db, resource, row, document, caller.mode, request)
        changed = find_row(db, resource, row["id"], caller.mode)
        if changed is None:  # another service has deleted it
            raise not_found(target.name)
        changed[WRITTEN_OVER] = row
        return Answer(200, render(present(db, resource, changed, view)))

    return update


def _delete(incoming: Incoming, target: Target, caller: Caller) -> Work:
    make_view(incoming, target, caller)
    was_there = False

    def delete(db: Connection) -> Answer:
        nonlocal was_there
        try:
            row = require_row(db, target.resource, target.name, caller.mode)
        except ApiError:
            # An earlier attempt may have been committed, and the connection lost after that.
            if was_there:
                return Answer(204)
            raise
        was_there = True
        delete_row(db, target.resource, row)
        return Answer(204)

    return delete
