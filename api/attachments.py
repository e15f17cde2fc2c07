"""The files of finished exports."""

from tempfile import TemporaryFile

from sqlalchemy import Connection

from order_factory.api.answers import Answer
from order_factory.api.errors import nothing_here, unauthorized
from order_factory.api.presenting import View
from order_factory.api.reading import require_row
from order_factory.api.resources.transfers import EXPORTS
from order_factory.models.values.statuses import TransferStatus
from order_factory.tasks.stored_files.records import name_of, read_pieces

_MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/jsonl",
    "parquet": "application/vnd.apache.parquet",
    "zip": "application/zip",
}


def send_attachment(db: Connection, name: str, view: View) -> Answer:
    """The file of an export. It lies on the disk until it is sent.

    Raises `ApiError`: 404 while it is not complete, 401 for a token that may only read.
    """
    row = require_row(db, EXPORTS, name, view.mode)
    if not view.secrets:
        # It may hold payment tokens.
        raise unauthorized("The access token does not have the scope write.")
    if row["status"] != TransferStatus.COMPLETED:
        raise nothing_here("An export has an attachment once it is completed.")
    file_name = name_of(db, row["file_id"])
    file = TemporaryFile()  # noqa: SIM115  (closed when the answer is sent)
    for piece in read_pieces(db, row["file_id"]):
        file.write(piece)
    headers = {"Content-Disposition": f'attachment; filename="{file_name}"'}
    return Answer(
        200, headers=headers, media_type=_MEDIA_TYPES[file_name.rpartition(".")[2]], file=file
    )
