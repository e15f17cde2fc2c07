"""Stopping a run on request: after the current transaction, never in the middle of it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from time import monotonic
from types import FrameType
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client

from order_factory.models.results.progress import report_progress
from order_factory.tasks.prefect_ui.prefect_calls import try_call

POLL_SECONDS = 2.0


class StopReason(Enum):
    """Why a run stops, as a clause for a message."""

    CANCELLED = "it was cancelled in Prefect"
    INTERRUPTED = "it was stopped with Ctrl-C"
    TERMINATED = "its process was terminated"


_SIGNALS = {signal.SIGINT: StopReason.INTERRUPTED, signal.SIGTERM: StopReason.TERMINATED}


class Stop:
    """Whether this run should stop; `reason` says why, and is None until then."""

    def __init__(self, client: SyncPrefectClient, flow_run_id: UUID) -> None:
        self.reason: StopReason | None = None
        self._client = client
        self._flow_run_id = flow_run_id
        self._next_look = monotonic() + POLL_SECONDS
        self._reported = False

    def look(self) -> None:
        """Ask Prefect, at most every few seconds, whether the flow run was cancelled.

        Prefect does not interrupt a run in this process. Call it while other threads copy.
        """
        if self.reason is None and monotonic() >= self._next_look:
            self._next_look = monotonic() + POLL_SECONDS
            if self._is_cancelled():
                self.reason = StopReason.CANCELLED
        if self.reason is not None and not self._reported:
            self._reported = True
            report_progress(
                "stopping after the current transaction; press Ctrl-C again to end now", 0, None
            )

    def is_set(self) -> bool:
        """Whether the run should stop; asks Prefect first."""
        self.look()
        return self.reason is not None

    def _is_cancelled(self) -> bool:
        run = try_call(lambda: self._client.read_flow_run(self._flow_run_id), retries=0)
        if run is None or run.state is None:
            return False  # without an answer, the run continues
        return run.state.is_cancelling() or run.state.is_cancelled()


@contextmanager
def watch_for_stop(flow_run_id: str) -> Iterator[Stop]:
    """Inside the block, the first Ctrl-C or SIGTERM only sets the reason; the second one acts.

    Outside the main thread, only Prefect is asked: Python delivers signals to the main thread.
    """
    with get_client(sync_client=True) as client:
        stop = Stop(client, UUID(flow_run_id))
        usual = {number: signal.getsignal(number) for number in _SIGNALS}

        def note(number: int, frame: FrameType | None) -> None:
            if stop.reason is None:
                stop.reason = _SIGNALS[signal.Signals(number)]
                return
            usually = usual[signal.Signals(number)]
            if callable(usually):
                usually(number, frame)

        # An ignored signal stays ignored: a shell does this for background processes.
        noted = [number for number, usually in usual.items() if usually != signal.SIG_IGN]
        if threading.current_thread() is not threading.main_thread():
            noted = []
        for number in noted:
            signal.signal(number, note)
        try:
            yield stop
        finally:
            for number in noted:
                signal.signal(number, usual[number])
