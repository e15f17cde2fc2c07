"""Call the payment gateways, many at the same time, and record their answers.

No transaction is open during a call. Each intent is committed before its call, and one process at a
time claims it. If that process dies, the intent stays `unknown`. The next process first asks the
gateway about the same key. So no crash, retry or second process pays twice.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Self, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from order_factory.gateways.calling import call_gateway
from order_factory.gateways.protocol import (
    CALLED_OFF,
    Answer,
    GatewayError,
    GatewayMisconfigured,
    GatewayRequest,
)
from order_factory.gateways.registry import gateway, get_limits, known_gateways, setup_hint
from order_factory.models.database.identity import explain_cut_off
from order_factory.models.database.process_locks import ProcessLock, hold_process_lock
from order_factory.models.database.retrying import read, write
from order_factory.models.errors import TryAgain
from order_factory.models.results.progress import report_progress
from order_factory.models.tables.base import utc_now
from order_factory.models.tables.transactions import TransactionType
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.tasks.outcomes.answers import record_answers
from order_factory.tasks.payments.claiming import (
    Due,
    Scope,
    claim_due,
    count_due,
    release_claims,
    release_uncalled,
)
from order_factory.tasks.payments.earlier import resolve_earlier_payment
from order_factory.tasks.payments.open_payments import cancel_at_gateway
from order_factory.tasks.working_set.step import explain_error

STAGE = "authorize payments"
# Answers are recorded in groups of this size, or after a second.
ANSWERS_PER_TRANSACTION = 250
SECONDS_BETWEEN_RECORDINGS = 1.0
# After this many calls in a row without an answer, the gateway is not called again. If it has
# answered others, the limit is higher by the number of calls that run at the same time.
GIVEN_UP_AFTER = 8

T = TypeVar("T")
Stopped = Callable[[], bool]


@dataclass
class PaymentReport:
    """The number of finished factories and of unknown transactions, and the problems."""

    closed: int = 0
    left: int = 0
    problems: list[str] = field(default_factory=list)


class _NotAsked(GatewayError):
    """The run stopped using the gateway before this call started."""


def _answer_unwanted_call(_asked: GatewayRequest) -> Answer:
    """Return the answer for an unwanted call that the gateway has never received."""
    return Answer(succeeded=False, error_code=CALLED_OFF)


def _require_found_by_now(due: Due) -> None:
    """Raise `GatewayError` while the gateway may not yet find its latest call."""
    delay = timedelta(seconds=known_gateways()[due.gateway].terms.lookup_delay_seconds)
    if utc_now() - due.claimed_at < delay:
        raise GatewayError(due.gateway, "cannot say yet what it has done; it is asked again later")


def _continue() -> bool:
    return False


@task(name="authorize payments", task_run_name="authorize payments", cache_policy=NO_CACHE)
def authorize_payments(scope: Scope, stopped: Stopped = _continue) -> PaymentReport:
    """Call the gateways for all unanswered transactions in the scope, and record the answers.

    Without an answer, a transaction stays `unknown`, its order `placing` and its factory in
    progress, and the next run finishes them. The same happens to the rest if the run is `stopped`.
    A database that is cut off calls no gateway, and the report says so.
    """
    due, cut_off = _run_in_database(read, lambda db: (count_due(db, scope), explain_cut_off(db)))
    if not due:
        return PaymentReport()
    if cut_off is not None:
        return PaymentReport(left=due, problems=[str(cut_off)])
    with hold_process_lock() as lock, _Till(scope, lock, due, stopped) as till:
        till.work()
    till.report.left = _run_in_database(read, lambda db: count_due(db, scope))
    return till.report


class _Till:
    """The running calls in threads, and the answers that are not recorded yet."""

    def __init__(self, scope: Scope, lock: ProcessLock, due: int, stopped: Stopped) -> None:
        self.report = PaymentReport()
        self._scope, self._lock, self._due, self._stopped = scope, lock, due, stopped
        # Claimed by this run and not recorded: still running, or without an answer.
        self._taken: set[int] = set()
        terms = [known.terms for known in known_gateways().values() if known.terms.remote]
        self._at_once = sum(term.concurrency for term in terms)
        self._pool = ThreadPoolExecutor(self._at_once, thread_name_prefix="gateway")
        self._ended: SimpleQueue[tuple[Due, Future[Answer]]] = SimpleQueue()
        self._running = 0
        self._answers: dict[int, Answer] = {}
        self._recorded_at = monotonic()
        self._asked = 0
        self._silent: dict[str, int] = {}
        self._answering: set[str] = set()
        self._unasked: list[int] = []
        self._given_up: dict[str, str] = {}
        self._all_claimed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def work(self) -> None:
        report_progress(STAGE, 0, self._due)
        while True:
            if self._may_claim():
                self._claim()
            if not self._running and not self._answers:
                break
            self._collect()
            if self._is_time_to_record():
                self._record()
        self._release_unasked()
        self.report.problems += [
            f"{message}; the orders stay in placing" for message in self._given_up.values()
        ]

    def _may_claim(self) -> bool:
        enough = self._running >= 2 * self._at_once
        return not (self._all_claimed or enough or self._stopped())

    def _claim(self) -> None:
        limit = max(4 * self._at_once, ANSWERS_PER_TRANSACTION)
        number, attempts = self._lock.number(), 0

        def claim(db: Connection) -> list[Due]:
            nonlocal attempts
            attempts += 1
            if attempts > 1:
                # The attempt before may have been committed, and the connection lost after that.
                release_claims(db, number, self._taken)
            return claim_due(db, self._scope, limit, number, list(self._given_up))

        claimed = _run_in_database(write, claim)
        self._all_claimed = not claimed
        for due in claimed:
            self._running += 1
            self._taken.add(due.transaction_id)
            call = self._pool.submit(self._call, due)
            call.add_done_callback(lambda done, due=due: self._ended.put((due, done)))  # type: ignore[misc]

    def _call(self, due: Due) -> Answer:
        if due.unwanted and not due.perhaps_done:
            return _answer_unwanted_call(due.request)
        if due.gateway in self._given_up:
            raise _NotAsked(due.gateway, "is left alone")
        if due.gateway not in known_gateways():
            raise GatewayMisconfigured(due.gateway, f"is not set up: {setup_hint(due.gateway)}")
        if due.type == TransactionType.VOIDS and due.earlier:
            return cancel_at_gateway(due)
        its_gateway = gateway(due.gateway)
        do: Callable[[GatewayRequest], Answer] = {
            "authorize": its_gateway.authorize,
            "capture": its_gateway.capture,
            "void": its_gateway.void,
            "refund": its_gateway.refund,
        }[due.request.call]
        if due.unwanted:
            _require_found_by_now(due)
            do = _answer_unwanted_call
        limits = get_limits(due.gateway)
        for earlier in () if due.unwanted else due.earlier:
            settled = resolve_earlier_payment(due, earlier)
            if settled is not None:
                return settled
        return call_gateway(its_gateway, limits, do, due.request, perhaps_done=due.perhaps_done)

    def _collect(self) -> None:
        """Wait a short time for an answer, and collect all that have arrived."""
        wait = True
        while True:
            try:
                due, done = self._ended.get(timeout=0.2) if wait else self._ended.get_nowait()
            except Empty:
                return
            wait = False
            self._running -= 1
            self._asked += 1
            self._note(due, done)

    def _note(self, due: Due, done: Future[Answer]) -> None:
        error = done.exception()
        if error is None:
            self._answers[due.transaction_id] = done.result()
            self._silent.pop(due.gateway, None)
            self._answering.add(due.gateway)
            return
        if isinstance(error, _NotAsked):
            self._unasked.append(due.transaction_id)
            return
        if not isinstance(error, GatewayError):
            # Do not quote its message, which may contain a token.
            error = GatewayError(due.gateway, f"failed unexpectedly ({type(error).__name__})")
        silent = self._silent[due.gateway] = self._silent.get(due.gateway, 0) + 1
        patience = GIVEN_UP_AFTER + (self._at_once if due.gateway in self._answering else 0)
        give_up = isinstance(error, GatewayMisconfigured) or silent >= patience
        if give_up:
            self._given_up.setdefault(due.gateway, str(error))
        elif due.gateway not in self._given_up:
            order = f"order {due.request.order}"
            self.report.problems.append(f"{order} stays in placing: {error}")

    def _release_unasked(self) -> None:
        """Release the transactions that this run claimed and did not call about."""
        if self._unasked:
            number = self._lock.number()
            _run_in_database(write, lambda db: release_uncalled(db, self._unasked, number))

    def _is_time_to_record(self) -> bool:
        if not self._answers:
            return False
        late = monotonic() - self._recorded_at >= SECONDS_BETWEEN_RECORDINGS
        return late or not self._running or len(self._answers) >= ANSWERS_PER_TRANSACTION

    def _record(self) -> None:
        answers, self._answers = self._answers, {}
        self._record_or_split(answers)
        self._taken.difference_update(answers)
        self._recorded_at = monotonic()
        # An order that is placed now may have a source order whose payment must be voided.
        self._all_claimed = False
        report_progress(STAGE, min(self._asked, self._due), self._due)

    def _record_or_split(self, answers: dict[int, Answer]) -> None:
        """Record these answers. If the database refuses one, all others are recorded."""
        try:
            self.report.closed += _record_answers(answers)
        except DBAPIError as error:
            refused = explain_error(error, "payment_source")
            if isinstance(refused, TryAgain):
                raise refused from None
            keys = list(answers)
            if len(keys) == 1:
                name = public_id(Resource.transactions, keys[0])
                self.report.problems.append(
                    f"the gateway's answer to transaction {name} could not be stored: {refused}"
                )
                return
            half = len(keys) // 2
            for part in (keys[:half], keys[half:]):
                self._record_or_split({key: answers[key] for key in part})


def _record_answers(given: dict[int, Answer]) -> int:
    """Record the answers in their own transaction. Transient database errors are retried."""
    return write(lambda db: record_answers(db, given, flow_run.id))


def _run_in_database(
    transaction: Callable[[Callable[[Connection], T]], T], work: Callable[[Connection], T]
) -> T:
    """Run the transaction. Prefect logs a task's exception, which must quote no row."""
    try:
        return transaction(work)
    except DBAPIError as error:
        raise explain_error(error, "payment_source") from None
