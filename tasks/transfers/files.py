"""The files of transfers: results are stored in the database, and inputs are written to files."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from sqlalchemy import Connection, select, update

from order_factory.models.database.retrying import write
from order_factory.tasks.stored_files.packing import PackedFile
from order_factory.tasks.stored_files.records import add_piece, delete_file, store_name, write_file
from order_factory.tasks.transfers.records import Transfer

_ERRORS_SHOWN = 1_000


def zip_files(files: Sequence[Path], into: Path) -> None:
    """Pack the files into one archive."""
    with ZipFile(into, "w", ZIP_DEFLATED, compresslevel=1) as archive:
        for file in files:
            archive.write(file, file.name)


def store_result(transfer: Transfer, path: Path) -> None:
    """Store the file of an export. Each piece is a transaction, so that others can write.

    The pieces that an earlier run has stored are deleted first.
    """
    with path.open("rb") as source:
        packed = PackedFile(path.name, source)
    table = transfer.table
    statement = update(table).where(table.c.id == transfer.key)

    def begin(db: Connection) -> int:
        before = db.scalar(select(table.c.file_id).where(table.c.id == transfer.key))
        key = store_name(db, packed)
        db.execute(statement.values(file_id=key))
        if before is not None:
            delete_file(db, before)
        return key

    def add(number: int, content: bytes) -> None:
        write(lambda db: add_piece(db, file_id, number, content))

    file_id = write(begin)
    for number, content in enumerate(packed.pieces(), start=1):
        add(number, content)
    packed.close()


def write_inputs(db: Connection, transfer: Transfer, folder: Path) -> Path:
    """Write the rows of an import into a file named for its resource. Returns its path."""
    row = transfer.row
    if row["file_id"] is not None:
        path = folder / f"{row['resource_type']}.{row['format']}"
        write_file(db, row["file_id"], path)
        return path
    path = folder / f"{row['resource_type']}.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for each in row["inputs"]:
            file.write(json.dumps(each) + "\n")
    return path


def read_errors(path: Path) -> dict[str, Any] | None:
    """Return the first errors of a rejects file: for each line, the problems by column."""
    if not path.exists():
        return None
    errors_by_line: dict[str, Any] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["line"] not in errors_by_line and len(errors_by_line) == _ERRORS_SHOWN:
                break
            columns = errors_by_line.setdefault(row["line"], {})
            columns.setdefault(row["column"] or "base", []).append(row["reason"])
    return errors_by_line
