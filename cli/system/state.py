"""What a folder knows of its system: the record of its processes, and who holds it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel, ValidationError

from order_factory.cli.system.errors import SystemRunning
from order_factory.cli.system.processes import ProcessRecord

FOLDER = Path("var/system")


class PartRecord(BaseModel):
    """A part of the system; `health` is asked by HTTP, or is the socket folder of PostgreSQL."""

    name: str
    process: ProcessRecord | None
    url: str | None = None
    health: str | None = None


class SystemRecord(BaseModel):
    """The system of a folder, without a password anywhere in it."""

    supervisor: ProcessRecord
    parts: list[PartRecord] = []
    databases: dict[str, str] = {}

    def save(self) -> None:
        part = FOLDER / "system.json.part"
        part.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
        part.replace(FOLDER / "system.json")


def read_record() -> SystemRecord | None:
    """The record of the system that ran here last and was not ended in order, if any."""
    try:
        return SystemRecord.model_validate_json((FOLDER / "system.json").read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def forget_record() -> None:
    (FOLDER / "system.json").unlink(missing_ok=True)


@contextmanager
def held(wait_seconds: float = 1.0) -> Iterator[None]:
    """Hold this folder's system, which one process at a time can; a dead process holds nothing.

    Raises `SystemRunning` while another process holds it for longer than `wait_seconds`:
    `is_held` takes the lock, too, for a moment.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(FOLDER.resolve() / "lock", timeout=wait_seconds):
            yield
    except Timeout as error:
        record = read_record()
        raise SystemRunning(record.supervisor.pid if record else "unknown") from error


def is_held() -> bool:
    """Whether a process is alive that runs the system of this folder."""
    if not FOLDER.exists():
        return False
    try:
        with held(wait_seconds=0):
            return False
    except SystemRunning:
        return True
