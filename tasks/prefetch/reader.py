"""Read the next orders of a batch: a program that `order_factory.tasks.prefetch.process` starts.

It uses the standard library alone. Its input is lines of JSON: first the plan (see
`order_factory.tasks.prefetch.plan`), then one line per request. Each answer is a length of 8 bytes
and a SQLite database with the results. The length is 0 if prefetching is unsafe. The process ends
when its input ends.
"""

import json
import sqlite3
import sys
from struct import Struct
from typing import Any

LENGTH = Struct(">q")


def main() -> None:
    """Answer every request until the input ends."""
    plan = json.loads(sys.stdin.buffer.readline())
    db = sqlite3.connect(":memory:", isolation_level=None, uri=True)
    db.execute("ATTACH ? AS shop", (plan["shop"],))
    for statement in plan["prepare"]:
        db.execute(statement)
    for line in sys.stdin.buffer:
        # Checkpoint first: the disk is free, since the caller has not begun to write.
        db.execute("PRAGMA shop.wal_checkpoint(PASSIVE)")
        answer = read(db, plan, json.loads(line))
        sys.stdout.buffer.write(LENGTH.pack(len(answer)) + answer)
        sys.stdout.buffer.flush()


def read(db: sqlite3.Connection, plan: dict[str, Any], request: dict[str, int]) -> bytes:
    """Read one part in one snapshot.

    Names without a schema refer to `db` first, then to the shop.
    """
    db.execute("BEGIN")
    try:
        for statement, values in plan["begin"]:
            db.execute(statement, values | request)
        for statement, values in plan["unsafe"]:
            if db.execute(statement, values | request).fetchone()[0]:
                return b""
        for statement, values in plan["look"]:
            db.execute(statement, values | request)
    finally:
        db.execute("COMMIT")
    return db.serialize()


if __name__ == "__main__":
    main()
