"""Start, call and end the prefetching process."""

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

# After this time, it is faster to read the data without the reader.
_SECONDS = 5.0


class Reader:
    """A process that prefetches. After its first failure it `is_gone` and gets no more requests."""

    def __init__(self, requests: IO[bytes], answers: IO[bytes]) -> None:
        self.is_gone = False
        self._requests = requests
        self._answers: SimpleQueue[bytes | None] = SimpleQueue()
        self._awaits_answer = False
        self._thread = Thread(target=self._receive, args=(answers,), name="prefetch", daemon=True)
        self._thread.start()

    def send(self, line: dict[str, Any]) -> None:
        """Send a line without waiting for the answer."""
        try:
            self._requests.write(json.dumps(line).encode() + b"\n")
            self._requests.flush()
        except OSError:
            self.is_gone = True

    def request(self, current: tuple[int, int, int]) -> None:
        """Request the next factories, without waiting for the answer.

        They are those after the `current` range, a result of
        `order_factory.tasks.working_set.claims.claimed_range`, and at most as many.
        """
        if not self.is_gone:
            size, first, last = current
            self.send({"first": first, "last": last, "size": size})
            self._awaits_answer = True

    def answer(self) -> bytes | None:
        """Return the SQLite database of the last request; None or empty if there is none."""
        if self.is_gone or not self._awaits_answer:
            return None
        self._awaits_answer = False
        try:
            answer = self._answers.get(timeout=_SECONDS)
        except Empty:
            answer = None
        self.is_gone = answer is None
        return answer

    def wait_for_end(self) -> None:
        """Wait until all answers of the ended process are received."""
        self._thread.join(_SECONDS)

    def _receive(self, answers: IO[bytes]) -> None:
        head = answers.read(reader.LENGTH.size)
        while len(head) == reader.LENGTH.size:
            (length,) = reader.LENGTH.unpack(head)
            data = answers.read(length)
            if len(data) < length:
                break
            self._answers.put(data)
            head = answers.read(reader.LENGTH.size)
        self._answers.put(None)


@contextmanager
def start_reader(plan: dict[str, Any]) -> Iterator[Reader]:
    """Start a reader with this plan. It ends with the block or with this process.

    Raises `OSError` if the system starts no process.
    """
    with subprocess.Popen(
        # It uses the standard library alone, so it starts fast.
        [sys.executable, "-I", "-S", str(Path(reader.__file__))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C goes to the flow, which ends after the current part
    ) as process:
        assert process.stdin
        assert process.stdout
        started = Reader(process.stdin, process.stdout)
        try:
            started.send(plan)
            yield started
        finally:
            process.kill()  # it only reads and checkpoints
            with suppress(OSError):
                process.stdin.close()
            # Its thread must not read from a file that is closed meanwhile.
            started.wait_for_end()
