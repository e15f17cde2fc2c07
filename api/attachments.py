"""The files of finished exports."""

from hmac import compare_digest
from tempfile import TemporaryFile

from sqlalchemy import Connection, select

from order_factory.api.answers import Answer
from order_factory.api.caller import Caller
from order_factory.api.errors import unauthorized, unknown_path
from order_factory.api.incoming import Incoming
from order_factory.api.presenting import View
from order_factory.api.reading import require_row
from order_factory.api.resources.transfers import ATTACHMENT_KEY, EXPORTS
from order_factory.api.targets import Kind, find_target
from order_factory.models.values.public_ids import Resource as PublicIds
from order_factory.models.values.public_ids import parse_public_id
from order_factory.models.values.statuses import Mode, TransferStatus
from order_factory.tasks.stored_files.records import read_file_name, read_pieces
from order_factory.tasks.transfers.records import exports

_MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "jsonl": "application/jsonl",
    "parquet": "application/vnd.apache.parquet",
    "zip": "application/zip",
}


def find_key_holder(db: Connection, incoming: Incoming) -> Caller | None:
    """The caller who sends the key of an export, as in its `attachment_url`, and no token.

    The caller may download the file of this export, and nothing else. None without a valid key.
    """
    given = dict(incoming.pairs).get(ATTACHMENT_KEY)
    if given is None or incoming.credentials.authorization is not None:
        return None
    target = find_target(incoming.path)
    if target.kind != Kind.ATTACHMENT:
        return None
    key = parse_public_id(PublicIds.exports, target.name)
    row = db.execute(
        select(exports.c.mode, exports.c.attachment_key).where(exports.c.id == key)
    ).one_or_none()
    if (
        not given
        or row is None
        or not compare_digest((row.attachment_key or "").encode(), given.encode())
    ):
        return None
    return Caller("holder of a key", Mode(row.mode), frozenset({"read", "write"}))


def send_attachment(db: Connection, name: str, view: View) -> Answer:
    """The file of an export. It is on the disk until it is sent.

    Raises `ApiError`: 404 while it is not complete, 401 for a token that may only read.
    """
    row = require_row(db, EXPORTS, name, view.mode)
    if not view.secrets:
        # It may hold payment tokens.
        raise unauthorized("The access token does not have the scope write.")
    if row["status"] != TransferStatus.COMPLETED:
        raise unknown_path("An export has an attachment once it is completed.")
    file_name = read_file_name(db, row["file_id"])
    file = TemporaryFile()  # noqa: SIM115  (closed when the answer is sent)
    for piece in read_pieces(db, row["file_id"]):
        file.write(piece)
    headers = {"Content-Disposition": f'attachment; filename="{file_name}"'}
    return Answer(
        200, headers=headers, media_type=_MEDIA_TYPES[file_name.rpartition(".")[2]], file=file
    )
