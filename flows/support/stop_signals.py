"""Stopping on purpose: after the batch in hand, and never in the middle of it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from time import monotonic
from types import FrameType
from uuid import UUID

from httpx import HTTPError
from prefect.client.orchestration import SyncPrefectClient, get_client

from order_factory.models.results.progress import report_progress

SECONDS_BETWEEN_LOOKS = 2.0


class StopReason(Enum):
    """Why a run begins nothing more, in words that follow "it"."""

    CANCELLED = "it was cancelled in Prefect"
    INTERRUPTED = "it was stopped with Ctrl-C"
    TERMINATED = "its process was told to terminate"


_SIGNALS = {signal.SIGINT: StopReason.INTERRUPTED, signal.SIGTERM: StopReason.TERMINATED}


class Stop:
    """Whether this run is to begin nothing more; `reason` says why, and is None until then."""

    def __init__(self, client: SyncPrefectClient, flow_run_id: UUID) -> None:
        self.reason: StopReason | None = None
        self._client = client
        self._flow_run_id = flow_run_id
        self._next_look = monotonic() + SECONDS_BETWEEN_LOOKS
        self._told = False

    def look(self) -> None:
        """Ask Prefect, at most every few seconds, whether the flow run was cancelled.

        Prefect does not interrupt a run in this process. Meant to be called while others copy.
        """
        if self.reason is None and monotonic() >= self._next_look:
            self._next_look = monotonic() + SECONDS_BETWEEN_LOOKS
            if self._is_cancelled():
                self.reason = StopReason.CANCELLED
        if self.reason is not None and not self._told:
            self._told = True
            report_progress("stop after the batch in hand; once more ends at once", 0, None)

    def is_set(self) -> bool:
        """Whether it is to stop, as far as a look tells."""
        self.look()
        return self.reason is not None

    def _is_cancelled(self) -> bool:
        try:
            state = self._client.read_flow_run(self._flow_run_id).state
        except HTTPError:
            return False  # a server that does not answer has cancelled nothing
        return state is not None and (state.is_cancelling() or state.is_cancelled())


@contextmanager
def stopping(flow_run_id: str) -> Iterator[Stop]:
    """Within the block, Ctrl-C and SIGTERM are only noted; a second one has its usual effect.

    In a thread that is not the main one only Prefect is asked: signals never arrive there.
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

        # What is ignored stays ignored: a shell so shelters what it runs in the background.
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
