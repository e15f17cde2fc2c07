"""The version of the database schema: upgrade it, or report that it is outdated."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from order_factory.models.database.engine import begin, get_engine, reading
from order_factory.models.database.retrying import retry_transient
from order_factory.models.database.transient import is_transient
from order_factory.models.errors import DatabaseNotReady

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(to: str = "head") -> tuple[str | None, str]:
    """Upgrade the schema to this version, by default the newest. Returns the old and new versions.

    Raises `DatabaseNotReady` if the schema is newer than this code.
    """
    from alembic import command

    config = _make_config()
    with begin() as db:
        before = _read_version(db)
        _refuse_newer(before)
        config.attributes["connection"] = db
        command.upgrade(config, to)
    return before, newest_version() if to == "head" else to


def require_schema() -> None:
    """Raise `DatabaseNotReady` unless the schema is the newest version."""
    # If the database cannot be reached at the start, fail at once: its address may be wrong.
    current = retry_transient(_read_current_version, is_transient)
    if current != newest_version():
        _refuse_newer(current)
        shown = get_engine().url.render_as_string(hide_password=True)
        state = f"its schema is version {current}" if current else "it has no tables yet"
        raise DatabaseNotReady(shown, f"{state}; run `order-factory init`")


def _read_current_version() -> str | None:
    with reading() as db:
        return _read_version(db)


def _read_version(db: Connection) -> str | None:
    # Alembic could read the version too, but its import takes longer than the check.
    if not inspect(db).has_table("alembic_version"):
        return None
    version: str | None = db.scalar(text("SELECT version_num FROM alembic_version"))
    return version


def _refuse_newer(current: str | None) -> None:
    from alembic.script import ScriptDirectory

    known = {
        script.revision for script in ScriptDirectory.from_config(_make_config()).walk_revisions()
    }
    if current is not None and current not in known:
        shown = get_engine().url.render_as_string(hide_password=True)
        message = (
            f"its schema is version {current}, which this order factory ({newest_version()}) does "
            "not know; install the newer one that made it, or restore the backup from before"
        )
        raise DatabaseNotReady(shown, message)


@cache
def newest_version() -> str:
    """Return the version that this code needs: the number of its last migration."""
    return max(file.name.partition("_")[0] for file in (_MIGRATIONS / "versions").glob("0*_*.py"))


def _make_config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config
