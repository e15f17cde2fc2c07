"""Starting a system, restarting its parts, and ending it."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from time import monotonic
from types import FrameType

from order_factory.cli.system.deploying import start_deploying
from order_factory.cli.system.errors import PartFailed
from order_factory.cli.system.health import find_problem
from order_factory.cli.system.leftovers import SECONDS_TO_END, end_leftovers
from order_factory.cli.system.output import relay, say
from order_factory.cli.system.parts import RESTARTS, WITHIN_SECONDS, Part, list_parts
from order_factory.cli.system.processes import ProcessRecord
from order_factory.cli.system.state import SystemRecord, hold_lock
from order_factory.cli.system.surroundings import (
    Ports,
    embedded_postgres,
    prepare_environment,
    require_one_login,
)
from order_factory.cli.terminal import Terminal

SECONDS_TO_START = 180.0
_POLL_SECONDS = 0.5
# Windows has no hang-up.
_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class _StopRequested(Exception):
    """A signal asked the system to end while it was starting."""


def run_system(
    terminal: Terminal, ports: Ports, *, postgres: bool, ready: Callable[[SystemRecord], None]
) -> None:
    """Start every part, call `ready`, and restart dead parts until Ctrl-C, SIGTERM or `down`.

    Raises `SystemRunning`, `PortTaken`, `InvalidRequest`, `ExtraMissing`, `DatabaseNotReady` before
    anything runs, and `PartFailed` when a part keeps dying. No process is left in any case.
    """
    with hold_lock(), _catch_signals() as stop:
        for name in end_leftovers():
            say(terminal, "system", f"Ended {name}, which a killed system had left.")
        ports.require_free()
        require_one_login()
        try:
            _System(terminal, ports, postgres, stop).run(ready)
        except _StopRequested:
            pass
        finally:
            say(terminal, "system", "Ending. Press Ctrl-C again to kill what still runs.")
            end_leftovers(SECONDS_TO_END, is_urgent=lambda: stop.is_urgent)
            say(terminal, "system", "Everything has ended.")


class _Stop:
    """Whether a signal asked the system to end, and whether a second one followed."""

    def __init__(self) -> None:
        self._event = Event()
        self.is_urgent = False

    def note(self, _number: int, _frame: FrameType | None) -> None:
        self.is_urgent = self._event.is_set()
        self._event.set()

    def wait(self, seconds: float) -> bool:
        return self._event.wait(seconds)


@contextmanager
def _catch_signals() -> Iterator[_Stop]:
    stop = _Stop()
    usual = {number: signal.signal(number, stop.note) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)


class _System:
    def __init__(self, terminal: Terminal, ports: Ports, postgres: bool, stop: _Stop) -> None:
        self._terminal = terminal
        self._stop = stop
        self._record = SystemRecord(supervisor=ProcessRecord.of(os.getpid()))
        self._record.save()
        self._parts = self._prepare(ports, postgres)

    def run(self, ready: Callable[[SystemRecord], None]) -> None:
        first = [part for part in self._parts if part.name in ("postgres", "server")]
        others = [part for part in self._parts if part not in first]
        for part in first:
            self._start(part)
        for part in first:
            self._wait_for(part)
        for part in others:
            self._start(part)
        self._deploy()
        for part in others:
            self._wait_for(part)
        ready(self._record)
        self._restart_ended_parts()

    def _prepare(self, ports: Ports, use_postgres: bool) -> list[Part]:
        """Create the databases and their tables; returns the parts, not started."""
        from order_factory.models.database.schema import upgrade

        postgres = embedded_postgres(use_postgres)
        if postgres is not None:
            self._say("Starting the embedded PostgreSQL ...")
            postgres.start()
        self._record.databases = prepare_environment(ports, postgres)
        before, after = upgrade()
        if before != after:
            self._say(f"The shop's tables are now at version {after}.")
        return list_parts(self._terminal, ports, postgres)

    def _start(self, part: Part) -> None:
        self._say(f"Starting {part.name} ...")
        part.start()
        self._record.parts = [part.record for part in self._parts]
        self._record.save()

    def _deploy(self) -> None:
        self._say("Applying the deployments and the automations ...")
        process = start_deploying()
        while process.poll() is None:
            if self._stop.wait(_POLL_SECONDS):
                raise _StopRequested
        if process.returncode:
            assert process.stdout is not None
            relay(self._terminal, "deploy", process.stdout)
            raise PartFailed("order-factory deploy", f"ended with code {process.returncode}")

    def _wait_for(self, part: Part) -> None:
        deadline = monotonic() + SECONDS_TO_START
        while problem := find_problem(part.record):
            if self._stop.wait(_POLL_SECONDS):
                raise _StopRequested
            ending = part.describe_end()
            if ending is not None:
                raise PartFailed(part.name, f"{ending} while it was starting")
            if monotonic() > deadline:
                raise PartFailed(part.name, f"{problem} after {SECONDS_TO_START:.0f} s")

    def _restart_ended_parts(self) -> None:
        """Restart the parts that end, until a signal asks the system to end."""
        while not self._stop.wait(_POLL_SECONDS):
            for part in self._parts:
                ending = part.describe_end()
                if ending is not None:
                    self._restart(part, ending)

    def _restart(self, part: Part, ending: str) -> None:
        deaths = part.count_death()
        if deaths > RESTARTS:
            raise PartFailed(
                part.name, f"{ending}, for the {deaths}th time in {WITHIN_SECONDS:.0f} s"
            )
        pause = 2.0 ** (deaths - 1)
        self._say(f"{part.name} {ending}. It restarts in {pause:.0f} s.")
        deadline = monotonic() + SECONDS_TO_START
        while not self._stop.wait(pause):
            try:
                return self._start(part)
            except Exception as error:
                # The processes of a killed PostgreSQL may still hold its memory. That is no death
                # of the part, and the other parts wait for it.
                problem = f"could not be started ({type(error).__name__})"
                if monotonic() > deadline:
                    raise PartFailed(part.name, problem) from error
                self._say(f"{part.name} {problem}. It will be started again.")
                pause = _POLL_SECONDS
        return None

    def _say(self, text: str) -> None:
        say(self._terminal, "system", text)
