"""Prefect's tables in a new SQLite file, created by one script instead of a hundred migrations.

`prefect_tables.sql` contains the result of Prefect's own migrations; `make prefect-tables` writes
it again. A newer Prefect adds its later migrations.
"""

import os
import sqlite3
from importlib.metadata import version
from pathlib import Path

from packaging.version import Version

SCRIPT = Path(__file__).with_suffix(".sql")
_HEAD = "-- The tables of Prefect "


def prepare_prefect_database(file: Path) -> None:
    """Create the file with Prefect's tables unless it exists, readable only by its owner.

    If the installed Prefect is older than the script, Prefect creates the file itself.
    """
    if file.exists():
        return
    script = SCRIPT.read_text(encoding="utf-8")
    if Version(version("prefect")) < read_script_version(script):
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        db = sqlite3.connect(part)
        db.executescript(script)
        db.close()
        # Unlike a rename, this does not replace a file that another command has just created.
        os.link(part, file)
    except OSError:
        pass  # then Prefect creates it
    finally:
        part.unlink(missing_ok=True)


def read_script_version(script: str) -> Version:
    """Return the version of Prefect for which the script creates the tables."""
    return Version(script.split("\n", 1)[0].removeprefix(_HEAD))


def has_current_tables(file: Path) -> bool:
    """Whether the file has the tables of the installed Prefect. Then Prefect need not check them."""
    script = SCRIPT.read_text(encoding="utf-8")
    if version("prefect") != str(read_script_version(script)):
        return False
    db = sqlite3.connect(file.resolve().as_uri() + "?mode=ro", uri=True)
    try:
        (stored_version,) = db.execute("SELECT version_num FROM alembic_version").fetchone()
    except (sqlite3.Error, TypeError):
        return False
    finally:
        db.close()
    return f"VALUES('{stored_version}')" in script


def dump_tables(file: Path) -> str:
    """Return a script that creates the tables of this file, which Prefect's migrations created."""
    db = sqlite3.connect(file)
    lines = "\n".join(db.iterdump())
    db.close()
    return f"{_HEAD}{version('prefect')}\n{lines}\n"
