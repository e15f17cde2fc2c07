"""How far an export is: written beside its files, so that the next run continues there."""

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
    """Takes the path of an export that another process is writing."""

    status, code = 409, "export_taken"
    detail = "Another process exports to {!r} at the moment. Wait for it, or give another path."


class FileCheckpoint(BaseModel):
    """How far one file is: its rows, the key of the last one, and the bytes that hold them.

    `until` is the last key that is exported: rows that were added since the start are left out.
    """

    until: int
    total: int | None = None
    records: int = 0
    last_key: int = 0
    size: int = 0
    done: bool = False


class Checkpoint(BaseModel):
    """How far an export is. `selection` is the digest of what was asked for.

    `started_at` is the moment that a filter such as "in the last 24 hours" is counted from.
    """

    selection: str
    started_at: datetime = Field(default_factory=utc_now)
    files: dict[str, FileCheckpoint] = Field(default_factory=dict)

    @property
    def records(self) -> int:
        return sum(each.records for each in self.files.values())


class ExportPlace:
    """Where an export is written: one file, or a folder with a file for each resource.

    What is not finished has a name that begins with a dot, so that no import takes it.
    """

    def __init__(self, path: Path, ending: str, *, is_folder: bool) -> None:
        self.path, self._ending, self.is_folder = path, ending, is_folder
        self.folder = path if is_folder else path.parent

    def file(self, resource_name: str) -> Path:
        """The file of a resource, which is complete once it is there."""
        return self.folder / f"{resource_name}.{self._ending}" if self.is_folder else self.path

    def chunks(self, resource_name: str) -> Path:
        """The file for the chunks."""
        return self._hidden(f"{self.file(resource_name).name}.chunks")

    def finished(self, resource_name: str) -> Path:
        """The finished file, until all files are."""
        return self._hidden(f"{self.file(resource_name).name}.part")

    def read_checkpoint(self, selection: str) -> Checkpoint:
        """How far an export of this selection is; that of another one is given up."""
        with suppress(OSError, ValidationError):
            found = Checkpoint.model_validate_json(self._checkpoint.read_bytes())
            if found.selection == selection:
                return found
        return Checkpoint(selection=selection)

    def write_checkpoint(self, checkpoint: Checkpoint) -> None:
        with replace_file(self._checkpoint) as part:
            part.write_text(checkpoint.model_dump_json())

    def remove_checkpoint(self) -> None:
        self._checkpoint.unlink(missing_ok=True)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep other processes from writing here, for the block.

        Raises `ExportTaken`, and `InvalidRequest` for a path that cannot be written.
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


def digest_selection(asked_for: Mapping[str, Any]) -> str:
    """Tells whether two exports are of the same selection."""
    return sha256(json.dumps(asked_for, sort_keys=True, default=str).encode()).hexdigest()
