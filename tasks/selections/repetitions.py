"""Find rows that repeat the order of an earlier row, among a million rows in little memory."""

from array import array
from collections.abc import Mapping

from sqlalchemy import Connection, select

from order_factory.tasks.selections.checked_rows import MOST_PROBLEMS, CheckedRows, Problems
from order_factory.tasks.selections.staging import describe_repetition, matched_orders


class NamedOrders:
    """The rows of a file: their numbers, and a hash of the order and the reference.

    A row needs 12 bytes. Among a million rows, two different rows have the same 64-bit hash once in
    thirty million files.
    """

    def __init__(self) -> None:
        self._lines, self._hashes = array("I"), array("q")

    def add_staged(self, db: Connection) -> None:
        """Add the staged rows."""
        repeated = select(
            matched_orders.c.row, matched_orders.c.source_order_id, matched_orders.c.reference
        )
        for line, order, reference in db.execute(repeated.order_by(matched_orders.c.row)):
            self._lines.append(line)
            self._hashes.append(hash((order, reference)))

    def find_repetitions(self, rows: CheckedRows, problems: Problems) -> None:
        """Add a problem for each row with the order and the reference of an earlier row."""
        if not self._hashes:
            return
        import numpy as np  # only here: its import would delay the start of every command

        hashes = np.frombuffer(self._hashes, dtype=np.int64)
        ordered = np.sort(hashes)
        repeated_hashes = ordered[1:][ordered[1:] == ordered[:-1]]
        del ordered
        if not len(repeated_hashes):
            return
        first_of: dict[int, int] = {}
        repeated: dict[int, int] = {}
        count = 0
        for position in np.flatnonzero(np.isin(hashes, repeated_hashes)).tolist():
            line = self._lines[position]
            first = first_of.setdefault(self._hashes[position], line)
            # An ambiguous row occurs twice, and repeats nothing.
            if first != line:
                count += 1
                if len(repeated) < MOST_PROBLEMS:
                    repeated[line] = first
        problems.add(_describe(rows, repeated), count)


def _describe(rows: CheckedRows, first_of: Mapping[int, int]) -> list[tuple[int, str]]:
    """Return the message for each of these lines, which repeat an earlier line."""
    messages: list[tuple[int, str]] = []
    for part in rows.parts():
        counted, orders = part.rows.counted, part.rows.columns["source_order"]
        references = part.rows.columns.get("reference") or [None] * len(orders)
        for line, order, reference in zip(part.rows.numbers, orders, references, strict=True):
            if line in first_of:
                text = describe_repetition(order, reference, f"{counted} {first_of[line]}")
                messages.append((line, f"{counted} {line}: {text}"))
    return messages
