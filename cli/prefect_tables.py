"""Prefect's tables in a new SQLite file, made from one script instead of a hundred migrations.

`prefect_tables.sql` is what Prefect's own migrations make; `make prefect-tables` writes it again. A
newer Prefect goes on from there with the migrations that have come since.
"""

import os
import sqlite3
from importlib.metadata import version
from pathlib import Path

from packaging.version import Version

SCRIPT = Path(__file__).with_suffix(".sql")
_HEAD = "-- The tables of Prefect "


def prepare_prefect_database(file: Path) -> None:
    """Make the file with Prefect's tables where it is not there; its owner alone may read it.

    Left to Prefect where the installed one is older than the script.
    """
    if file.exists():
        return
    script = SCRIPT.read_text(encoding="utf-8")
    if Version(version("prefect")) < script_version(script):
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        db = sqlite3.connect(part)
        db.executescript(script)
        db.close()
        # Unlike a rename, this leaves a file alone that another command has just made.
        os.link(part, file)
    except OSError:
        pass  # Prefect makes it, then
    finally:
        part.unlink(missing_ok=True)


def script_version(script: str) -> Version:
    """The version of Prefect whose tables the script makes."""
    return Version(script.split("\n", 1)[0].removeprefix(_HEAD))


def are_current(file: Path) -> bool:
    """Whether the file has the very tables of the installed Prefect, so that it need not look."""
    script = SCRIPT.read_text(encoding="utf-8")
    if version("prefect") != str(script_version(script)):
        return False
    db = sqlite3.connect(file.resolve().as_uri() + "?mode=ro", uri=True)
    try:
        (found,) = db.execute("SELECT version_num FROM alembic_version").fetchone()
    except (sqlite3.Error, TypeError):
        return False
    finally:
        db.close()
    return f"VALUES('{found}')" in script


def dump_tables(file: Path) -> str:
    """The script that makes the tables of this file, which Prefect's migrations have made."""
    db = sqlite3.connect(file)
    lines = "\n".join(db.iterdump())
    db.close()
    return f"{_HEAD}{version('prefect')}\n{lines}\n"
