"""What a folder knows of its system: the record of its processes, and who holds it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
def held() -> Iterator[None]:
    """Hold this folder's system, which one process at a time can; the kernel takes it from the dead.

    Raises `SystemRunning` while another holds it.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            record = read_record()
            raise SystemRunning(record.supervisor.pid if record else "unknown") from error
        yield


def is_held() -> bool:
    """Whether a process is alive that runs the system of this folder."""
    if not FOLDER.exists():
        return False
    try:
        with held():
            return False
    except SystemRunning:
        return True
