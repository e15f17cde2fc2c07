"""Write an export: one file after the other, in chunks. A later run continues after a stop."""

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection, func, select

from order_factory.tasks.exports.checkpoints import Checkpoint, ExportPlace, FileCheckpoint
from order_factory.tasks.exports.formats import ExportFormat
from order_factory.tasks.exports.reading import count_rows, read_chunks
from order_factory.tasks.exports.resources import ExportResource
from order_factory.tasks.exports.selecting import Selection

# It takes the number of records written to the file, and returns whether to stop.
OnChunk = Callable[[int], bool]


class ExportRun:
    """One export: its selection, place, format and checkpoint."""

    def __init__(
        self,
        selection: Selection,
        place: ExportPlace,
        written_as: ExportFormat,
        checkpoint: Checkpoint,
    ) -> None:
        self.place, self.checkpoint = place, checkpoint
        self.is_resumed = bool(checkpoint.records)
        self._selection, self._format = selection, written_as

    @property
    def resources(self) -> list[ExportResource]:
        return self._selection.resources

    @property
    def total(self) -> int | None:
        """The number of records that the files will have, or None until all are counted."""
        totals = [each.total for each in self.checkpoint.files.values()]
        return None if None in totals else sum(each or 0 for each in totals)

    def is_done(self, resource: ExportResource) -> bool:
        return self.checkpoint.files[resource.name].done

    def count_records(self, resource: ExportResource) -> int:
        return self.checkpoint.files[resource.name].records

    def begin(self, db: Connection) -> None:
        """Write the last key of each resource into the checkpoint, unless it has them."""
        if self.checkpoint.files:
            return
        for resource in self.resources:
            last = db.scalar(select(func.max(resource.table.c.id))) or 0
            self.checkpoint.files[resource.name] = FileCheckpoint(until=last)
        self.place.write_checkpoint(self.checkpoint)

    def count(self, db: Connection, resource: ExportResource) -> int:
        """Return the number of rows that the file of a resource will have. It counts once."""
        progress = self.checkpoint.files[resource.name]
        if progress.total is None:
            progress.total = count_rows(db, self._selection.rows(resource), progress.until)
        return progress.total

    def write_file(self, db: Connection, resource: ExportResource, on_chunk: OnChunk) -> bool:
        """Write the file of a resource, or continue it. Returns whether it is finished."""
        progress = self.checkpoint.files[resource.name]
        columns = resource.described.columns
        rows = self._selection.rows(resource)
        chunks = self.place.chunks_path(resource.name)
        with _open_chunks(chunks, progress) as file:
            if not progress.size:
                progress.size = file.write(self._format.header(columns))
            if on_chunk(progress.records):
                return False
            with closing(
                read_chunks(db, resource, rows, progress.last_key, progress.until)
            ) as read:
                for chunk in read:
                    progress.size += file.write(self._format.encode(columns, chunk.cells))
                    progress.records += chunk.rows
                    progress.last_key = chunk.last_key
                    _flush(file)
                    self.place.write_checkpoint(self.checkpoint)
                    if on_chunk(progress.records):
                        return False
            _flush(file)
        finished = self.place.finished_path(resource.name)
        finished.touch(mode=0o600)
        self._format.finish(columns, chunks, finished)
        progress.done = True
        self.place.write_checkpoint(self.checkpoint)
        chunks.unlink(missing_ok=True)
        return True

    def finish(self) -> list[ExportResource]:
        """Give all finished files their final names. Returns the resources with a file.

        In a folder, a resource without rows has no file.
        """
        named = []
        for resource in self.resources:
            finished = self.place.finished_path(resource.name)
            file = self.place.file_path(resource.name)
            if self.place.is_folder and not self.count_records(resource):
                finished.unlink(missing_ok=True)
                file.unlink(missing_ok=True)
                continue
            # An earlier run may have died in this loop.
            if finished.exists():
                finished.replace(file)
            named.append(resource)
        self.place.remove_checkpoint()
        return named


def _open_chunks(path: Path, progress: FileCheckpoint) -> BinaryIO:
    """Return the file of chunks, open at the end of the checkpoint's last chunk."""
    size = path.stat().st_size if path.exists() else 0
    if size < progress.size:
        # Somebody has removed chunks: all of them are written again.
        progress.size = progress.records = progress.last_key = 0
    path.touch(mode=0o600)  # it holds names, addresses and payment tokens
    file = path.open("r+b")
    file.truncate(progress.size)
    file.seek(progress.size)
    return file


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
