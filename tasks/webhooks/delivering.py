"""Send the due deliveries: to many receivers at once, and in order for each resource.

One process at a time delivers for a database. It holds a lock that ends with the process. If it
dies, the next process repeats the deliveries without a recorded answer, with the same ids.

Each receiver (a URL) has its own queue, so a slow receiver delays no other.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import TypeVar

from sqlalchemy import Connection

from order_factory.models.database.identity import explain_cut_off
from order_factory.models.database.process_locks import ProcessLock, try_hold_lock
from order_factory.models.database.retrying import read, write
from order_factory.models.tables.base import utc_now
from order_factory.tasks.webhooks.addresses import CheckedTransport
from order_factory.tasks.webhooks.answers import AnsweredDelivery, record_answers
from order_factory.tasks.webhooks.circuit import Circuit, update_circuit
from order_factory.tasks.webhooks.due import Delivery, Render, list_due_receivers, read_due
from order_factory.tasks.webhooks.log import prune_log
from order_factory.tasks.webhooks.outbox import Outbox
from order_factory.tasks.webhooks.sending import Answer, Connections, send_delivery
from order_factory.tasks.webhooks.settings import WebhookSettings
from order_factory.tasks.webhooks.signing import sign_headers

T = TypeVar("T")

_LOCK = "webhooks"
_THREADS = 4
_SECONDS_BETWEEN_RECORDS = 0.5
_SECONDS_BETWEEN_PRUNINGS = 600.0


@dataclass
class DeliveryCounts:
    """How many deliveries of one process succeeded and failed."""

    delivered: int = 0
    failed: int = 0


def send_due_deliveries(
    render: Render,
    settings: WebhookSettings,
    *,
    until_idle: bool,
    is_ending: Callable[[], bool] = lambda: False,
    on_failure: Callable[[BaseException], None] | None = None,
) -> DeliveryCounts | None:
    """Send deliveries until `is_ending`, or until nothing is due. Returns the counts.

    Returns None if another process is delivering. `on_failure` is called with an exception in the
    queue of a receiver. Without it, the exception is raised.
    """
    with try_hold_lock(_LOCK) as lock:
        if lock is None:
            return None
        deliverer = _Deliverer(render, settings, lock, is_ending, on_failure)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(deliverer.run(until_idle=until_idle))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return the faster event loop of uvloop, or None where there is none, as on Windows."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return None
    return new_event_loop


class _Deliverer:
    def __init__(
        self,
        render: Render,
        settings: WebhookSettings,
        lock: ProcessLock,
        is_ending: Callable[[], bool],
        on_failure: Callable[[BaseException], None] | None,
    ) -> None:
        self._render, self._settings, self._lock = render, settings, lock
        self._is_ending, self._on_failure = is_ending, on_failure
        self._outbox = Outbox()
        self._queues: dict[str, asyncio.Task[bool]] = {}
        # Receivers whose due deliveries all wait for earlier ones, until the next search.
        self._waiting: set[str] = set()
        self._sent = DeliveryCounts()
        self._prune_at = 0.0
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="webhooks")

    async def run(self, *, until_idle: bool) -> DeliveryCounts:
        try:
            while not self._is_ending():
                started = await self._start_queues()
                if until_idle and not started and not self._queues:
                    break
                await self._pause()
            await self._stop()
        finally:
            self._threads.shutdown(wait=False)
        return self._sent

    async def _pause(self) -> None:
        """Wait until it is time to look for events, or until the queue of a receiver ends."""
        end = monotonic() + self._settings.poll_seconds
        while not self._is_ending() and (remaining := end - monotonic()) > 0:
            if self._queues:
                done, _ = await asyncio.wait(
                    self._queues.values(),
                    timeout=min(remaining, 0.2),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if done:
                    return
            else:
                await asyncio.sleep(min(remaining, 0.2))

    async def _stop(self) -> None:
        """Wait for the deliveries that are being sent. The others stay pending."""
        if self._queues:
            await asyncio.wait(self._queues.values(), timeout=self._settings.answer_seconds + 1.0)
        self._remove_ended_queues()
        for queue in self._queues.values():
            queue.cancel()
        for queue in self._queues.values():
            with suppress(asyncio.CancelledError):
                await queue

    async def _start_queues(self) -> int:
        """Make deliveries of new events, and start queues. Returns the number of new queues."""
        self._remove_ended_queues()
        await self._run_in_thread(self._lock.number)
        if await self._run_in_thread(partial(read, explain_cut_off)) is not None:
            return 0
        if monotonic() >= self._prune_at:
            await self._run_in_thread(partial(prune_log, self._settings))
            self._prune_at = monotonic() + _SECONDS_BETWEEN_PRUNINGS
        await self._run_in_thread(self._outbox.make_deliveries)
        urls = await self._run_in_thread(
            partial(read, lambda db: list_due_receivers(db, utc_now()))
        )
        new = [url for url in urls if url not in self._queues and url not in self._waiting]
        self._waiting.clear()
        for url in new:
            self._queues[url] = asyncio.create_task(self._drain(url))
        return len(new)

    def _remove_ended_queues(self) -> None:
        for url, queue in list(self._queues.items()):
            if not queue.done():
                continue
            del self._queues[url]
            error = None if queue.cancelled() else queue.exception()
            if error is None:
                if not queue.cancelled() and not queue.result():
                    self._waiting.add(url)
                continue
            if self._on_failure is None:
                raise error
            self._on_failure(error)

    async def _drain(self, url: str) -> bool:
        """Send to one receiver as long as deliveries are due. Returns whether there were any."""
        connections = Connections(self._settings)
        has_due = False
        try:
            while not self._is_ending():
                due = await self._run_in_thread(partial(read, partial(self._read_due, url=url)))
                if not due:
                    break
                has_due = True
                await _Round(connections, self._settings, due, self._record, self._is_ending).run()
        finally:
            await connections.close()
        return has_due

    def _read_due(self, db: Connection, *, url: str) -> list[Delivery]:
        if explain_cut_off(db) is not None:
            return []
        return read_due(db, url, utc_now(), self._render)

    async def _record(self, answered: list[AnsweredDelivery]) -> None:
        await self._run_in_thread(
            partial(write, lambda db: record_answers(db, answered, self._settings))
        )
        succeeded = sum(each.answer.succeeded for each in answered)
        self._sent.delivered += succeeded
        self._sent.failed += len(answered) - succeeded

    async def _run_in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


class _Round:
    """The deliveries that one receiver gets in one round."""

    def __init__(
        self,
        connections: Connections,
        settings: WebhookSettings,
        due: list[Delivery],
        record: Callable[[list[AnsweredDelivery]], Awaitable[None]],
        is_ending: Callable[[], bool],
    ) -> None:
        self._connections, self._settings, self._record = connections, settings, record
        self._is_ending = is_ending
        self._circuits: dict[int, Circuit] = {each.webhook_id: each.circuit for each in due}
        self._by_row: dict[tuple[str, int], list[Delivery]] = {}
        for each in due:
            self._by_row.setdefault(each.about, []).append(each)
        self._answered: list[AnsweredDelivery] = []

    async def run(self) -> None:
        """Send all deliveries, in order for each row, and record the answers from time to time."""
        sending = {asyncio.create_task(self._send_in_order(each)) for each in self._by_row.values()}
        try:
            while sending:
                done, sending = await asyncio.wait(sending, timeout=_SECONDS_BETWEEN_RECORDS)
                for task in done:
                    task.result()
                answered, self._answered = self._answered, []
                if answered:
                    await self._record(answered)
        finally:
            for task in sending:
                task.cancel()

    async def _send_in_order(self, deliveries: list[Delivery]) -> None:
        for each in deliveries:
            async with self._connections.borrow() as connection:
                before = self._circuits[each.webhook_id]
                # A trial is sent although the circuit is open. Other deliveries stop when it opens.
                if self._is_ending() or (before.is_open and not each.circuit.is_open):
                    return
                sent_at = utc_now()
                answer = await self._send(connection, each)
                self._circuits[each.webhook_id] = update_circuit(
                    self._circuits[each.webhook_id],
                    self._settings,
                    utc_now(),
                    succeeded=answer.succeeded,
                )
                self._answered.append(AnsweredDelivery(each, answer, sent_at))
                if not answer.succeeded:
                    return

    async def _send(self, connection: CheckedTransport, delivery: Delivery) -> Answer:
        if delivery.body is None:
            return Answer(None, delivery.problem)
        headers = sign_headers(
            delivery.secrets,
            topic=delivery.topic,
            message_id=delivery.message_id,
            now=utc_now(),
            body=delivery.body,
        )
        return await send_delivery(
            connection, delivery.url, headers, delivery.body, self._settings.answer_seconds
        )
