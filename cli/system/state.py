"""The state of a folder's system: the record of its processes, and its lock."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel, ValidationError

from order_factory.cli.system.errors import SystemRunning
from order_factory.cli.system.processes import ProcessRecord

FOLDER = Path("var/system")


class PartRecord(BaseModel):
    """A part of the system; `health` is the URL to check, or the socket folder of PostgreSQL."""

    name: str
    process: ProcessRecord | None
    url: str | None = None
    health: str | None = None


class SystemRecord(BaseModel):
    """The system of a folder; it contains no password."""

    supervisor: ProcessRecord
    parts: list[PartRecord] = []
    databases: dict[str, str] = {}

    def save(self) -> None:
        part = FOLDER / "system.json.part"
        part.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
        part.replace(FOLDER / "system.json")


def read_record() -> SystemRecord | None:
    """The record of the system that runs here or did not end in order, if there is one."""
    try:
        return SystemRecord.model_validate_json((FOLDER / "system.json").read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def forget_record() -> None:
    (FOLDER / "system.json").unlink(missing_ok=True)


@contextmanager
def hold_lock(wait_seconds: float = 1.0) -> Iterator[None]:
    """Hold the lock of this folder's system; it is released when the process dies.

    Waits `wait_seconds` for the lock, because `is_locked` also takes it for a short time. Raises
    `SystemRunning` when another process still holds it.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(FOLDER.resolve() / "lock", timeout=wait_seconds):
            yield
    except Timeout as error:
        record = read_record()
        raise SystemRunning(record.supervisor.pid if record else "unknown") from error


def is_locked() -> bool:
    """Whether a living process runs the system of this folder."""
    if not FOLDER.exists():
        return False
    try:
        with hold_lock(wait_seconds=0):
            return False
    except SystemRunning:
        return True
