"""Processes to kill. They are forked from one that has imported and compiled everything.

A new interpreter takes seconds for that. There is one ready process for each database engine.
"""

import gc
import multiprocessing
import os
import select
import signal
import tempfile
import threading
from collections.abc import Callable
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from prefect.settings import PREFECT_API_URL, temporary_settings

from order_factory.gateways.registry import forget_gateways
from order_factory.models.database.engine import get_engine, wait_for_checkpoint
from order_factory.models.database.schema import upgrade

Target = Callable[..., object]

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "pytest",
        "order_factory.api.webhook_documents",
        "order_factory.tasks.copy_orders",
        "order_factory.tasks.selections.recording",
        "order_factory.tasks.webhooks.delivering",
    ]
)
_SETTINGS, _URL = "ORDER_FACTORY_", "ORDER_FACTORY_DATABASE_URL"


def pipe() -> tuple[Connection, Connection]:
    """Both ends of a pipe; give the second one to a `ForkedProcess`."""
    parent_end, child_end = _CONTEXT.Pipe()
    return parent_end, child_end


class ForkedProcess:
    """A process that calls `target` with the settings and in the folder of this process.

    Connections in `args` are closed here: the new process uses them.
    """

    def __init__(self, target: Target, *args: Any) -> None:
        settings = {name: it for name, it in os.environ.items() if name.startswith(_SETTINGS)}
        self._parent = _parent(get_engine().dialect.name)
        prefect = PREFECT_API_URL.value()
        self.pid: int = self._parent.ask("fork", os.getcwd(), settings, prefect, target, args)
        self._exit = os.pidfd_open(self.pid)
        self.exitcode: int | None = None
        for each in args:
            if isinstance(each, Connection):
                each.close()

    def send_signal(self, number: int) -> None:
        if self.exitcode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def has_ended(self) -> bool:
        self.join(0)
        return self.exitcode is not None

    def join(self, seconds: float | None = None) -> None:
        """Wait until the process ends, but no longer than `seconds`."""
        if self.exitcode is None and select.select([self._exit], [], [], seconds)[0]:
            self.exitcode = self._parent.ask("wait", self.pid)
            os.close(self._exit)


class _Parent:
    """The process from which all processes of one database engine are forked."""

    def __init__(self) -> None:
        self._control, child_end = _CONTEXT.Pipe()
        self._lock = threading.Lock()
        process = _CONTEXT.Process(target=_serve, args=(os.environ[_URL], child_end), daemon=True)
        process.start()
        child_end.close()

    def ask(self, *message: Any) -> int:
        with self._lock:
            self._control.send(message)
            return int(self._control.recv())


@cache
def _parent(_engine: str) -> _Parent:
    return _Parent()


def _serve(url: str, control: Connection) -> None:
    """Carry out the commands fork and wait, until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with tempfile.TemporaryDirectory(prefix="order-factory-warm-") as folder:
        os.environ[_URL] = _create_database(url, folder)
        compiled: dict[Any, Any] = {}
        engine = get_engine()
        engine.update_execution_options(compiled_cache=compiled)
        _compile_statements(Path(folder))
        wait_for_checkpoint()
        engine.dispose()
    assert threading.active_count() == 1, threading.enumerate()
    # A garbage collection in a child would copy the pages of all objects that it finds here.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    while True:
        try:
            command, *arguments = control.recv()
        except EOFError:
            return
        if command == "wait":
            _, status = os.waitpid(arguments[0], 0)
            control.send(os.waitstatus_to_exitcode(status))
            continue
        folder, settings, prefect_api, target, args = arguments
        child = os.fork()
        if not child:
            control.close()
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.chdir(folder)
            for name in [name for name in os.environ if name.startswith(_SETTINGS)]:
                del os.environ[name]
            os.environ.update(settings)
            forget_gateways()
            get_engine().dialect = engine.dialect  # a compiled statement belongs to its dialect
            get_engine().update_execution_options(compiled_cache=compiled)
            with temporary_settings({PREFECT_API_URL: prefect_api} if prefect_api else {}):
                target(*args)
            os._exit(0)
        for each in args:
            if isinstance(each, Connection):
                each.close()
        control.send(child)


def _create_database(url: str, folder: str) -> str:
    """The URL of an empty database of the same engine."""
    if url.startswith("sqlite"):
        return f"sqlite:///{folder}/warm.db"
    from psycopg import connect, sql

    name = f"warm_{os.getpid()}"
    with connect(url, autocommit=True) as db:
        db.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        host = db.info.host
    return f"postgresql://postgres@/{name}?host={host}"


def _compile_statements(folder: Path) -> None:
    """Copy, place and pay orders of all kinds once. This compiles the statements."""
    from tests.support.crashes.nights import make_job, make_selection, make_sources_of_all_kinds
    from tests.support.crashes.worker import drain
    from tests.support.paying import make_payable_order
    from tests.support.shop import Shop

    os.environ["ORDER_FACTORY_TEST_GATEWAY_LEDGER"] = str(folder / "ledger.db")
    upgrade()
    shop = Shop()
    shop.coupon("SPRING")
    sources = make_sources_of_all_kinds(shop)
    paid = [
        make_payable_order(shop, token, coupon_code="SPRING")
        for token in ("tok_approve", "tok_decline")
    ]
    sources += [{"source_order": order, "place_target_order": True} for order in paid]
    for rows in (make_selection(sources, times=2), None):
        drain(make_job("night", rows, size=2), lambda _stage: None)
    forget_gateways()
