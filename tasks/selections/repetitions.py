"""Find rows that name the order of an earlier row again, among a million rows in little memory."""

from array import array
from collections.abc import Iterable, Mapping

import numpy as np
from sqlalchemy import Connection, select

from order_factory.tasks.selections.checked_rows import PROBLEMS_TOLD, CheckedRows, Problems
from order_factory.tasks.selections.staging import describe_repetition, named


class NamedOrders:
    """The order that each row names, with the row's reference: 24 bytes a row."""

    def __init__(self) -> None:
        self._lines, self._orders, self._hashes = array("q"), array("q"), array("q")

    def add_staged(self, db: Connection) -> None:
        """Add the rows of `tmp_named`."""
        found = select(named.c.row, named.c.source_order_id, named.c.reference)
        for line, order, reference in db.execute(found.order_by(named.c.row)):
            self._lines.append(line)
            self._orders.append(order)
            self._hashes.append(hash((order, reference)))

    def find_repetitions(self, rows: CheckedRows, problems: Problems) -> None:
        """Add the rows that name the order of an earlier row under the same reference."""
        lines, orders, hashes = (
            np.frombuffer(each, dtype=np.int64) if each else np.empty(0, dtype=np.int64)
            for each in (self._lines, self._orders, self._hashes)
        )
        by_hash = np.argsort(hashes, kind="stable")
        sorted_hashes = hashes[by_hash]
        starts = np.searchsorted(sorted_hashes, sorted_hashes, side="left")
        first = by_hash[starts]
        # A row that an ambiguous name has twice is no repetition of itself.
        again = (lines[first] != lines[by_hash]) & (orders[first] == orders[by_hash])
        repeated = np.column_stack((lines[by_hash][again], lines[first][again]))
        if len(repeated):
            told = repeated[np.argsort(repeated[:, 0], kind="stable")][:PROBLEMS_TOLD].tolist()
            messages = _describe(rows, dict(told))
            problems.add(messages, len(repeated))


def _describe(rows: CheckedRows, first_of: Mapping[int, int]) -> list[tuple[int, str]]:
    """The message for each of these lines, which repeat an earlier one."""
    messages: list[tuple[int, str]] = []
    for part in rows.parts():
        frame = part.rows
        counted = frame.index.name
        for line in _among(first_of, frame.index):
            order = str(frame.at[line, "source_order"])
            reference = frame.at[line, "reference"] if "reference" in frame else None
            first = f"{counted} {first_of[line]}"
            text = describe_repetition(order, None if reference is None else str(reference), first)
            messages.append((line, f"{counted} {line}: {text}"))
    return messages


def _among(wanted: Mapping[int, int], numbers: Iterable[int]) -> list[int]:
    return [int(number) for number in numbers if number in wanted]
