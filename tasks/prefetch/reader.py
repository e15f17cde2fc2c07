"""Looks at the next orders of a batch: run as a process of its own by `order_factory.tasks.prefetch.process`.

It needs the standard library alone. What comes in are lines of JSON: first the plan (see
`order_factory.tasks.prefetch.plan`), then one line for each look. What goes out for each is the SQLite
database in memory that holds what was found, its length in 8 bytes before it; of length 0 where
there is nothing that could be believed. It ends with its input, so it outlives nobody.
"""

import json
import sqlite3
import sys
from struct import Struct
from typing import Any

LENGTH = Struct(">q")


def main() -> None:
    """Look as often as it is asked."""
    plan = json.loads(sys.stdin.buffer.readline())
    db = sqlite3.connect(":memory:", isolation_level=None, uri=True)
    db.execute("ATTACH ? AS shop", (plan["shop"],))
    for statement in plan["prepare"]:
        db.execute(statement)
    for line in sys.stdin.buffer:
        # First, while the one who asks has not begun to write: the disk is free.
        db.execute("PRAGMA shop.wal_checkpoint(PASSIVE)")
        found = look(db, plan, json.loads(line))
        sys.stdout.buffer.write(LENGTH.pack(len(found)) + found)
        sys.stdout.buffer.flush()


def look(db: sqlite3.Connection, plan: dict[str, Any], asked: dict[str, int]) -> bytes:
    """All in one snapshot of the shop. Names without a schema are looked for in `db` first."""
    db.execute("BEGIN")
    try:
        for statement, values in plan["begin"]:
            db.execute(statement, values | asked)
        for statement, values in plan["in_vain"]:
            if db.execute(statement, values | asked).fetchone()[0]:
                return b""
        for statement, values in plan["look"]:
            db.execute(statement, values | asked)
    finally:
        db.execute("COMMIT")
    return db.serialize()


if __name__ == "__main__":
    main()
