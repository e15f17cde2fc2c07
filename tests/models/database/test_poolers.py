"""PgBouncer before PostgreSQL: session mode is supported, transaction mode is refused."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from order_factory.models.database.engine import begin, get_engine
from order_factory.models.database.poolers import PoolerShares
from order_factory.models.database.process_locks import find_released_locks, hold_process_lock
from order_factory.models.tables import Order
from tests.support.copying import copy_one
from tests.support.paying import make_payable_order

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PGBOUNCER is None, reason="PgBouncer is not installed"),
    pytest.mark.parametrize("shop", ["postgres"], indirect=True),
]
SETTINGS = """
[databases]
* = host={server} user=postgres
[pgbouncer]
listen_port = {port}
unix_socket_dir = {folder}
auth_type = any
pool_mode = {mode}
query_wait_timeout = 10
server_login_retry = 1
logfile = {folder}/log
pidfile = {folder}/pid
"""


def free_port():
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def through_pgbouncer(shop, monkeypatch):
    """Point the settings at the shop's database behind a PgBouncer in this mode."""

    @contextmanager
    def through_pgbouncer(mode):
        url = get_engine().url
        with tempfile.TemporaryDirectory() as name:
            folder, port = Path(name), free_port()
            folder.chmod(0o777)
            server = url.query["host"]
            text = SETTINGS.format(server=server, port=port, folder=folder, mode=mode)
            (folder / "pgbouncer.ini").write_text(text)
            # As the user whose server it is: only that one reaches its socket, and root is refused.
            user = ["-u", Path(str(server)).owner()] if os.geteuid() == 0 else []
            process = subprocess.Popen([str(PGBOUNCER), "-q", *user, str(folder / "pgbouncer.ini")])
            try:
                wait_for(folder / f".s.PGSQL.{port}", process)
                behind = url.set(query={"host": str(folder), "port": str(port)})
                with monkeypatch.context() as patch:
                    patch.setenv(
                        "ORDER_FACTORY_DATABASE_URL", behind.render_as_string(hide_password=False)
                    )
                    yield
                    get_engine().dispose()
            finally:
                process.terminate()
                process.wait(10)

    return through_pgbouncer


def wait_for(path, process):
    deadline = time.monotonic() + 20
    while not path.exists():
        assert process.poll() is None, "PgBouncer has ended"
        assert time.monotonic() < deadline, "PgBouncer does not listen"
        time.sleep(0.02)


def test_session_mode_copies_pays_and_keeps_locks(shop, through_pgbouncer):
    source = make_payable_order(shop)

    with through_pgbouncer("session"):
        result = copy_one(source, place_target_order=False)
        with hold_process_lock() as lock, begin() as db:
            released = find_released_locks(db, [lock.number(), 1])

    assert (result.status, len(shop.rows(Order)), released) == ("completed", 2, {1})


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_a_pooler_in_transaction_mode_is_refused_with_a_message(shop, through_pgbouncer, mode):
    with (
        through_pgbouncer(mode),
        pytest.raises(PoolerShares, match="Use pool_mode=session for this database"),
        begin(),
    ):
        pass

    assert shop.rows(Order) == []
