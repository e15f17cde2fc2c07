"""Commands use the system that runs in their folder, if one does."""

import os
from pathlib import Path

_RECORD = Path("var/system/system.json")


def join_running_system() -> None:
    """Name the Prefect server and the shop's database of the system that `up` runs in this folder.

    What is set already, in the environment or in a `.env` file, wins.
    """
    # Most often there is none, and a command need not import anything to see that.
    if not _RECORD.exists():
        return
    from order_factory.cli.system.state import is_held, read_record

    record = read_record()
    if record is None or not is_held():
        return
    server = next((part.url for part in record.parts if part.name == "server"), None)
    if server is not None:
        os.environ.setdefault("PREFECT_API_URL", f"{server}/api")
    shop = record.databases.get("shop", "")
    # A URL whose password was left out of the record is no use.
    if shop and "***" not in shop:
        os.environ.setdefault("ORDER_FACTORY_DATABASE_URL", shop)
