"""The rows of stored files: insert, read and delete."""

import zlib
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, delete, exists, insert, select

from order_factory.models.tables import StoredFile, StoredFilePiece
from order_factory.models.tables.base import utc_now
from order_factory.tasks.stored_files.packing import PackedFile
from order_factory.tasks.working_set.statements import table_of

_file, _piece = table_of(StoredFile), table_of(StoredFilePiece)


def store_file(db: Connection, packed: PackedFile) -> int:
    """Store the file in this transaction, and return its key. Memory holds one piece at a time."""
    file_id = store_name(db, packed)
    for number, content in enumerate(packed.pieces(), start=1):
        add_piece(db, file_id, number, content)
    return file_id


def store_name(db: Connection, packed: PackedFile) -> int:
    """Store the file without its pieces, and return its key."""
    values = {
        "name": packed.name,
        "bytes_count": packed.bytes_count,
        "sha256": packed.sha256,
        "created_at": utc_now(),
    }
    return int(db.execute(insert(_file).values(values).returning(_file.c.id)).scalar_one())


def add_piece(db: Connection, file_id: int, number: int, content: bytes) -> None:
    """Store a compressed piece, unless it is stored already."""
    is_stored = exists().where(_piece.c.file_id == file_id, _piece.c.number == number)
    if not db.scalar(select(is_stored)):
        db.execute(insert(_piece), {"file_id": file_id, "number": number, "content": content})


def read_file_name(db: Connection, file_id: int) -> str:
    """Return the name that the client gave to the file."""
    return str(db.execute(select(_file.c.name).where(_file.c.id == file_id)).scalar_one())


def read_pieces(db: Connection, file_id: int) -> Iterator[bytes]:
    """Yield the content, piece by piece."""
    number = 1
    wanted = select(_piece.c.content).where(_piece.c.file_id == file_id)
    while (content := db.scalar(wanted.where(_piece.c.number == number))) is not None:
        yield zlib.decompress(content)
        number += 1


def write_file(db: Connection, file_id: int, path: Path) -> None:
    """Write the content of the stored file to this path."""
    with path.open("wb") as file:
        for piece in read_pieces(db, file_id):
            file.write(piece)


def delete_file(db: Connection, file_id: int) -> None:
    """Delete the stored file. No row may refer to it."""
    db.execute(delete(_piece).where(_piece.c.file_id == file_id))
    db.execute(delete(_file).where(_file.c.id == file_id))
