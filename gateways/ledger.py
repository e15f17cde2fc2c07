"""What the gateway `test` did, and how often it was asked: in memory, or in a file.

With a file, several processes share one gateway, and it outlives them all, as a real one would.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Lock

from order_factory.gateways.protocol import Answer, Asked

_TABLES = """
CREATE TABLE IF NOT EXISTS calls (
    id INTEGER PRIMARY KEY, idempotency_key TEXT NOT NULL, kind TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS charges (
    id INTEGER PRIMARY KEY, idempotency_key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    amount_cents INTEGER NOT NULL, currency_code TEXT NOT NULL, succeeded INTEGER NOT NULL,
    token TEXT, error_code TEXT, message TEXT, repeats INTEGER NOT NULL DEFAULT 0);
"""


class Ledger:
    """One row in `charges` for each key that something was done or refused under.

    `repeats` counts what came again under the key and was not done again.
    """

    def __init__(self, file: str | None) -> None:
        self._lock = Lock()
        if file is not None:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(
            file or ":memory:", check_same_thread=False, isolation_level=None, timeout=30
        )
        if file is not None:
            self._db.execute("PRAGMA journal_mode=WAL")
            # What it did is on its disk before it answers, but its log is short-lived.
            self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_TABLES)

    def note_call(self, kind: str, asked: Asked) -> int:
        """Count a call; how many of this kind there were under the key, this one included."""
        with self._lock, closing(self._db.cursor()) as cursor:
            key = (asked.idempotency_key, kind)
            cursor.execute("INSERT INTO calls (idempotency_key, kind) VALUES (?, ?)", key)
            cursor.execute("SELECT count(*) FROM calls WHERE idempotency_key = ? AND kind = ?", key)
            return int(cursor.fetchone()[0])

    def do(self, kind: str, asked: Asked, answer: Answer) -> Answer:
        """Do it unless it was done: the answer to whoever asked first under this key."""
        row = (asked.idempotency_key, kind, asked.amount_cents, asked.currency_code)
        detail = (answer.succeeded, answer.token, answer.error_code, answer.message)
        with self._lock, closing(self._db.cursor()) as cursor:
            cursor.execute(
                "INSERT INTO charges (idempotency_key, kind, amount_cents, currency_code, "
                "succeeded, token, error_code, message) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (idempotency_key) DO UPDATE SET repeats = repeats + 1",
                row + detail,
            )
        found = self.find(asked)
        assert found is not None
        return found

    def find(self, asked: Asked) -> Answer | None:
        with self._lock, closing(self._db.cursor()) as cursor:
            cursor.execute(
                "SELECT succeeded, token, error_code, message FROM charges "
                "WHERE idempotency_key = ?",
                (asked.idempotency_key,),
            )
            row = cursor.fetchone()
        return None if row is None else Answer(bool(row[0]), *row[1:])
