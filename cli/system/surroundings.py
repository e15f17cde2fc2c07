"""The environment variables of a system's parts: ports, databases and URLs on this machine."""

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url

from order_factory.cli.environment import LOGIN, SERVER_LOGIN, prepare_worker
from order_factory.cli.prefect_tables import prepare_prefect_database
from order_factory.cli.system.errors import PortTaken
from order_factory.cli.system.postgres import EmbeddedPostgres
from order_factory.cli.system.processes import MARK
from order_factory.cli.system.state import FOLDER
from order_factory.models.errors import InvalidRequest

HOST = "127.0.0.1"
SHOP_URL, PREFECT_URL = "ORDER_FACTORY_DATABASE_URL", "PREFECT_API_DATABASE_CONNECTION_URL"
POSTGRES_FOLDER = Path("var/postgres")


@dataclass(frozen=True)
class Ports:
    """The ports on which the parts listen."""

    api: int
    prefect: int

    def require_free(self) -> None:
        """Raise `PortTaken` when a port is in use."""
        _require_free(self.prefect, "Prefect's server", "--prefect-port")
        _require_free(self.api, "the HTTP API", "--port")

    @property
    def ui_url(self) -> str:
        return f"http://{HOST}:{self.prefect}"

    @property
    def api_url(self) -> str:
        return f"http://{HOST}:{self.api}"


def require_one_login() -> None:
    """Raise `InvalidRequest` if the parts would use another login than Prefect's server expects."""
    expected, login = os.environ.get(SERVER_LOGIN), os.environ.get(LOGIN)
    if expected and login and expected != login:
        raise InvalidRequest(
            f"{LOGIN} and {SERVER_LOGIN} differ; give both the same user:password."
        )


def embedded_postgres(requested: bool) -> EmbeddedPostgres | None:
    """The embedded server, if it is wanted and the environment does not set both databases.

    Raises `InvalidRequest` when PostgreSQL is wanted and the environment sets a SQLite database.
    """
    if not requested:
        return None
    for name in (SHOP_URL, PREFECT_URL):
        if os.environ.get(name, "").startswith("sqlite"):
            raise InvalidRequest(f"{name} names a SQLite database; unset it, or omit --postgres.")
    if SHOP_URL in os.environ and PREFECT_URL in os.environ:
        return None
    return EmbeddedPostgres(POSTGRES_FOLDER)


def prepare_environment(ports: Ports, postgres: EmbeddedPostgres | None) -> dict[str, str]:
    """Set the variables that every part needs; returns the databases' URLs without passwords.

    The paths are absolute, because Prefect's worker may start processes in another folder.
    """
    from order_factory.models.settings import Settings

    os.environ.pop("PREFECT_FLOWS", None)
    prepare_worker()
    home = os.environ.setdefault("PREFECT_HOME", str(Path("var/prefect").resolve()))
    Path(home).mkdir(parents=True, exist_ok=True)
    if postgres is not None:
        os.environ.setdefault(SHOP_URL, postgres.shop_url())
        os.environ.setdefault(PREFECT_URL, postgres.prefect_url())
    os.environ[SHOP_URL] = _make_absolute(Settings().database_url)
    os.environ |= {
        MARK: str(FOLDER.resolve()),
        "PREFECT_API_URL": f"{ports.ui_url}/api",
        "PREFECT_UI_API_URL": f"{ports.ui_url}/api",
        "PYTHONUNBUFFERED": "1",
    }
    os.environ.setdefault("ORDER_FACTORY_API_PUBLIC_URL", ports.api_url)
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    if PREFECT_URL not in os.environ:
        prepare_prefect_database(Path(home, "prefect.db"))
    prefect = os.environ.get(PREFECT_URL, f"sqlite+aiosqlite:///{home}/prefect.db")
    return {"shop": _hide_password(os.environ[SHOP_URL]), "prefect": _hide_password(prefect)}


_DEFAULTS = {
    "PREFECT_LOGGING_LEVEL": "INFO",
    "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
    "PREFECT_WORKER_QUERY_SECONDS": "2",
}


def _make_absolute(url: str) -> str:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return url
    return f"sqlite:///{Path(parsed.database).resolve()}"


def _hide_password(url: str) -> str:
    return make_url(url).render_as_string(hide_password=True)


def _require_free(port: int, part: str, option: str) -> None:
    import socket

    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        raise PortTaken(port, part, option) from error
