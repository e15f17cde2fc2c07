"""The process that reads ahead: how it is started, asked and ended."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO, Any

from order_factory.tasks.prefetch import reader

# Who waits longer for an answer has read all of it himself by then.
_SECONDS = 5.0


class Reader:
    """A process that reads ahead; once it fails to answer it `is_gone`, and is asked no more."""

    def __init__(self, requests: IO[bytes], answers: IO[bytes]) -> None:
        self.is_gone = False
        self._requests = requests
        self._answers: SimpleQueue[bytes | None] = SimpleQueue()
        self._owes = False
        Thread(target=self._receive, args=(answers,), name="read ahead", daemon=True).start()

    def tell(self, line: dict[str, Any]) -> None:
        """Send a line, and do not wait."""
        try:
            self._requests.write(json.dumps(line).encode() + b"\n")
            self._requests.flush()
        except OSError:
            self.is_gone = True

    def ask(self, in_hand: tuple[int, int, int]) -> None:
        """Have those looked at that come next; does not wait.

        They come after the factories in hand, told by `order_factory.tasks.working_set.claims.claimed_range`, and are as many at most.
        """
        if not self.is_gone:
            size, first, last = in_hand
            self.tell({"first": first, "last": last, "size": size})
            self._owes = True

    def answer(self) -> bytes | None:
        """The SQLite database that came of the look asked for last; None or empty without one."""
        if self.is_gone or not self._owes:
            return None
        self._owes = False
        try:
            found = self._answers.get(timeout=_SECONDS)
        except Empty:
            found = None
        self.is_gone = found is None
        return found

    def _receive(self, answers: IO[bytes]) -> None:
        head = answers.read(reader.LENGTH.size)
        while len(head) == reader.LENGTH.size:
            (length,) = reader.LENGTH.unpack(head)
            found = answers.read(length)
            if len(found) < length:
                break
            self._answers.put(found)
            head = answers.read(reader.LENGTH.size)
        self._answers.put(None)


@contextmanager
def started(plan: dict[str, Any]) -> Iterator[Reader]:
    """A reader that knows its plan. It ends with the block, or with this process, however it ends.

    Raises `OSError` where the system starts no process.
    """
    with subprocess.Popen(
        # With the standard library alone it is there in a moment.
        [sys.executable, "-I", "-S", str(Path(reader.__file__))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is told to the flow, which ends after the part in hand
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            asked = Reader(process.stdin, process.stdout)
            asked.tell(plan)
            yield asked
        finally:
            process.kill()  # it only reads, and writes back what is committed
            with suppress(OSError):
                process.stdin.close()
