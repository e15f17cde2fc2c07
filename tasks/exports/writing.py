"""Writing an export: its files in turn, each chunk by chunk, from where an earlier run stopped."""

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

# Takes how many records of the file are written. Returns whether to stop.
OnChunk = Callable[[int], bool]


class ExportRun:
    """One export: what it selects, where and how it is written, and how far it is."""

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
        """The records that the files will have; None until all are counted."""
        totals = [each.total for each in self.checkpoint.files.values()]
        return None if None in totals else sum(each or 0 for each in totals)

    def is_done(self, resource: ExportResource) -> bool:
        return self.checkpoint.files[resource.name].done

    def records_of(self, resource: ExportResource) -> int:
        return self.checkpoint.files[resource.name].records

    def begin(self, db: Connection) -> None:
        """Note the last key of each resource, unless an earlier run has."""
        if self.checkpoint.files:
            return
        for resource in self.resources:
            last = db.scalar(select(func.max(resource.table.c.id))) or 0
            self.checkpoint.files[resource.name] = FileCheckpoint(until=last)
        self.place.write_checkpoint(self.checkpoint)

    def count(self, db: Connection, resource: ExportResource) -> int:
        """The rows that the file of a resource will have; counted once."""
        at = self.checkpoint.files[resource.name]
        if at.total is None:
            at.total = count_rows(db, self._selection.rows(resource), at.until)
        return at.total

    def write_file(self, db: Connection, resource: ExportResource, on_chunk: OnChunk) -> bool:
        """Write the file of a resource, or go on with it; whether it is finished."""
        at = self.checkpoint.files[resource.name]
        columns = resource.described.columns
        rows = self._selection.rows(resource)
        chunks = self.place.chunks(resource.name)
        with _open_at(chunks, at) as file:
            if not at.size:
                at.size = file.write(self._format.header(columns))
            if on_chunk(at.records):
                return False
            with closing(read_chunks(db, resource, rows, at.last_key, at.until)) as found:
                for chunk in found:
                    at.size += file.write(self._format.encode(columns, chunk.cells))
                    at.records += chunk.rows
                    at.last_key = chunk.last_key
                    _flush(file)
                    self.place.write_checkpoint(self.checkpoint)
                    if on_chunk(at.records):
                        return False
            _flush(file)
        finished = self.place.finished(resource.name)
        finished.touch(mode=0o600)
        self._format.finish(columns, chunks, finished)
        at.done = True
        self.place.write_checkpoint(self.checkpoint)
        chunks.unlink(missing_ok=True)
        return True

    def finish(self) -> list[ExportResource]:
        """Give all files their names, now that they are complete; the resources that have one.

        In a folder, a resource without rows has no file.
        """
        named = []
        for resource in self.resources:
            finished, file = self.place.finished(resource.name), self.place.file(resource.name)
            if self.place.is_folder and not self.records_of(resource):
                finished.unlink(missing_ok=True)
                file.unlink(missing_ok=True)
                continue
            # An earlier run may have died in this loop.
            if finished.exists():
                finished.replace(file)
            named.append(resource)
        self.place.remove_checkpoint()
        return named


def _open_at(path: Path, at: FileCheckpoint) -> BinaryIO:
    """The file of chunks, cut off after the last chunk of the checkpoint."""
    there = path.stat().st_size if path.exists() else 0
    if there < at.size:
        # Somebody took the chunks away: they are written again.
        at.size = at.records = at.last_key = 0
    path.touch(mode=0o600)  # it holds names, addresses and payment tokens
    file = path.open("r+b")
    file.truncate(at.size)
    file.seek(at.size)
    return file


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
