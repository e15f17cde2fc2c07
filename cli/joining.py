"""Connecting a command to the system that runs in its folder, if there is one."""

import os
from pathlib import Path

_RECORD = Path("var/system/system.json")


def join_running_system() -> None:
    """Set the URLs of the Prefect server, the API and the database of the system in this folder.

    Variables that are set already, in the environment or in a `.env` file, take precedence.
    """
    # Usually there is no record; then nothing is imported.
    if not _RECORD.exists():
        return
    from order_factory.cli.system.state import is_locked, read_record

    record = read_record()
    if record is None or not is_locked():
        return
    urls = {part.name: part.url for part in record.parts if part.url is not None}
    if "server" in urls:
        os.environ.setdefault("PREFECT_API_URL", f"{urls['server']}/api")
    if "api" in urls:
        public = urls["api"].removesuffix("/api")
        os.environ.setdefault("ORDER_FACTORY_API_PUBLIC_URL", public)
    shop = record.databases.get("shop", "")
    # The record hides passwords, and a URL without its password is useless.
    if shop and "***" not in shop:
        os.environ.setdefault("ORDER_FACTORY_DATABASE_URL", shop)
