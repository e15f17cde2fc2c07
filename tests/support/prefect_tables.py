"""Dump the tables that Prefect's migrations make: `python -m tests.support.prefect_tables`."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from order_factory.cli.prefect_tables import SCRIPT, dump_tables


def migrate_and_dump() -> str:
    """Create a database with the installed Prefect; returns the script of its tables."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "prefect.db")
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")},
            "PREFECT_HOME": folder,
            "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{file}",
        }
        command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "-y"]
        subprocess.run(command, env=environment, check=True, capture_output=True)
        return dump_tables(file)


if __name__ == "__main__":
    SCRIPT.write_text(migrate_and_dump(), encoding="utf-8")
