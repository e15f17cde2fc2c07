"""The charges and calls of the gateway `test`, in memory or in a file.

With a file, several processes share one gateway, and its charges remain when they end.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Lock

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random

from order_factory.gateways.protocol import Answer, GatewayRequest

_BUSY_SECONDS = 30
_TABLES = """
CREATE TABLE IF NOT EXISTS calls (
    id INTEGER PRIMARY KEY, idempotency_key TEXT NOT NULL, kind TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS charges (
    id INTEGER PRIMARY KEY, idempotency_key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    amount_cents INTEGER NOT NULL, currency_code TEXT NOT NULL, succeeded INTEGER NOT NULL,
    token TEXT, error_code TEXT, message TEXT, repeats INTEGER NOT NULL DEFAULT 0);
"""


def _use_log(db: sqlite3.Connection) -> None:
    """Set WAL mode. If two processes do this to a new file, SQLite fails instead of waiting."""
    Retrying(
        retry=retry_if_exception_type(sqlite3.OperationalError),
        stop=stop_after_delay(_BUSY_SECONDS),
        wait=wait_random(0, 0.05),
        reraise=True,
    )(db.execute, "PRAGMA journal_mode=WAL")


class Ledger:
    """Keeps one row in `charges` for each idempotency key, whether charged or refused.

    `repeats` counts the requests that came again under the key. They are not carried out again.
    """

    def __init__(self, file: str | None) -> None:
        self._lock = Lock()
        if file is not None:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(
            file or ":memory:", check_same_thread=False, isolation_level=None, timeout=_BUSY_SECONDS
        )
        if file is not None:
            _use_log(self._db)
            # Faster than FULL. The file need not survive a power failure.
            self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_TABLES)

    def note_call(self, kind: str, request: GatewayRequest) -> int:
        """Record a call. Returns the number of calls of this kind under the key, with this one."""
        with self._lock, closing(self._db.cursor()) as cursor:
            key = (request.idempotency_key, kind)
            cursor.execute("INSERT INTO calls (idempotency_key, kind) VALUES (?, ?)", key)
            cursor.execute("SELECT count(*) FROM calls WHERE idempotency_key = ? AND kind = ?", key)
            return int(cursor.fetchone()[0])

    def do(self, kind: str, request: GatewayRequest, answer: Answer) -> Answer:
        """Record the charge once. Returns the answer to the first request under this key."""
        row = (request.idempotency_key, kind, request.amount_cents, request.currency_code)
        outcome = (answer.succeeded, answer.token, answer.error_code, answer.message)
        with self._lock, closing(self._db.cursor()) as cursor:
            cursor.execute(
                "INSERT INTO charges (idempotency_key, kind, amount_cents, currency_code, "
                "succeeded, token, error_code, message) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (idempotency_key) DO UPDATE SET repeats = repeats + 1",
                row + outcome,
            )
        stored_answer = self.find(request)
        assert stored_answer is not None
        return stored_answer

    def find(self, request: GatewayRequest) -> Answer | None:
        with self._lock, closing(self._db.cursor()) as cursor:
            cursor.execute(
                "SELECT succeeded, token, error_code, message FROM charges "
                "WHERE idempotency_key = ?",
                (request.idempotency_key,),
            )
            row = cursor.fetchone()
        return None if row is None else Answer(bool(row[0]), *row[1:])
