"""The version of the database schema: upgrade it, or report that it is outdated."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from order_factory.models.database.engine import begin, get_engine, reading
from order_factory.models.database.retrying import until_it_passes
from order_factory.models.database.transient import is_transient
from order_factory.models.errors import DatabaseNotReady


def upgrade(to: str = "head") -> tuple[str | None, str]:
    """Upgrade the schema to this version, the newest by default; the versions before and after.

    Raises `DatabaseNotReady` if the schema is newer than this code.
    """
    config = _config()
    with begin() as db:
        before = MigrationContext.configure(db).get_current_revision()
        _refuse_newer(before)
        config.attributes["connection"] = db
        command.upgrade(config, to)
    return before, newest_version() if to == "head" else to


def require_schema() -> None:
    """Raises `DatabaseNotReady` unless the schema is the newest version."""
    # If the database cannot be reached at the start, fail at once: its address may be wrong.
    current = until_it_passes(_current_version, is_transient)
    if current != newest_version():
        _refuse_newer(current)
        shown = get_engine().url.render_as_string(hide_password=True)
        was = f"its schema is version {current}" if current else "it has no tables yet"
        raise DatabaseNotReady(shown, f"{was}; run `order-factory init`")


def _current_version() -> str | None:
    with reading() as db:
        return MigrationContext.configure(db).get_current_revision()


def _refuse_newer(current: str | None) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if current is not None and current not in known:
        shown = get_engine().url.render_as_string(hide_password=True)
        message = (
            f"its schema is version {current}, which this order factory ({newest_version()}) does "
            "not know; install the newer one that made it, or restore the backup from before"
        )
        raise DatabaseNotReady(shown, message)


@cache
def newest_version() -> str:
    """The version that this code needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise RuntimeError("The package holds no migrations.")
    return head


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
