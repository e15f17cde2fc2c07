"""The checkpoint of an export: a file beside the export, from which the next run continues."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import BaseModel, Field, ValidationError

from order_factory.models.errors import InvalidRequest, OrderFactoryError
from order_factory.models.values.clock import utc_now
from order_factory.tasks.reports.replacing import replace_file


class ExportTaken(OrderFactoryError):
    """Another process is writing this export. The argument is its path."""

    status, code = 409, "export_taken"
    detail = "Another process is exporting to {!r}. Wait for it, or give another path."


class FileCheckpoint(BaseModel):
    """The progress of one file: the number of its rows, the key of the last row, and its bytes.

    `until` is the last key to export. Rows that were added since the start are left out.
    """

    until: int
    total: int | None = None
    records: int = 0
    last_key: int = 0
    size: int = 0
    done: bool = False


class Checkpoint(BaseModel):
    """The progress of an export. `selection` is the digest of its selection.

    A filter such as "in the last 24 hours" counts back from `started_at`.
    """

    selection: str
    started_at: datetime = Field(default_factory=utc_now)
    files: dict[str, FileCheckpoint] = Field(default_factory=dict)

    @property
    def records(self) -> int:
        return sum(each.records for each in self.files.values())


class ExportPlace:
    """The place of an export: one file, or a folder with a file for each resource.

    Unfinished files have a name that begins with a dot, so that no import reads them.
    """

    def __init__(self, path: Path, ending: str, *, is_folder: bool) -> None:
        self.path, self._ending, self.is_folder = path, ending, is_folder
        self.folder = path if is_folder else path.parent

    def file_path(self, resource_name: str) -> Path:
        """Return the path of a resource's file. A file at this path is complete."""
        return self.folder / f"{resource_name}.{self._ending}" if self.is_folder else self.path

    def chunks_path(self, resource_name: str) -> Path:
        """Return the path of the file to which chunks are appended."""
        return self._hidden(f"{self.file_path(resource_name).name}.chunks")

    def finished_path(self, resource_name: str) -> Path:
        """Return the path of a finished file until all files of the export are finished."""
        return self._hidden(f"{self.file_path(resource_name).name}.part")

    def read_checkpoint(self, selection: str) -> Checkpoint:
        """Return the checkpoint of this selection. That of another selection is ignored."""
        with suppress(OSError, ValidationError):
            checkpoint = Checkpoint.model_validate_json(self._checkpoint.read_bytes())
            if checkpoint.selection == selection:
                return checkpoint
        return Checkpoint(selection=selection)

    def write_checkpoint(self, checkpoint: Checkpoint) -> None:
        with replace_file(self._checkpoint) as part:
            part.write_text(checkpoint.model_dump_json())

    def remove_checkpoint(self) -> None:
        self._checkpoint.unlink(missing_ok=True)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep other processes from writing here during the block.

        Raises `ExportTaken`, or `InvalidRequest` if the path cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not self.is_folder and self.path.is_dir():
                raise InvalidRequest(f"{str(self.path)!r} is a folder. Give the name of a file.")
            lock = FileLock(self._hidden(f"{self._name}.lock"), timeout=0)
            lock.acquire()
        except Timeout:
            raise ExportTaken(str(self.path)) from None
        except OSError as error:
            raise InvalidRequest(
                f"The export cannot be written to {str(self.path)!r}: {error.strerror}."
            ) from error
        try:
            yield
        finally:
            lock.release()
            Path(lock.lock_file).unlink(missing_ok=True)

    @property
    def _name(self) -> str:
        return "export" if self.is_folder else f"{self.path.name}.export"

    @property
    def _checkpoint(self) -> Path:
        return self._hidden(f"{self._name}.json")

    def _hidden(self, name: str) -> Path:
        return self.folder / f".{name}"


def digest_selection(selection: Mapping[str, Any]) -> str:
    """Return a text that is the same for two exports of the same selection."""
    return sha256(json.dumps(selection, sort_keys=True, default=str).encode()).hexdigest()
