"""A process that runs the exports and imports of HTTP clients, and is killed at a stage.

The stages come line by line. For each the process forks: importing takes longer than the work.
"""

import os
import signal
import sys
from unittest.mock import patch

from order_factory.flows.transfer_records import transfer_records
from order_factory.tasks.exports import reading
from order_factory.tasks.transfers import files

# The package has the flow under the module's name.
FLOW = sys.modules["order_factory.flows.transfer_records"]
# What the process calls when it is killed: which call, and before or after it.
STAGES = {
    "rows imported, not counted": (FLOW, "note_progress", 2, "before"),
    "import completed, not committed": (FLOW, "complete", 1, "after"),
    "import completed": (FLOW, "begin_next", 2, "before"),
    "rows exported, not counted": (FLOW, "note_progress", 2, "after"),
    "file stored without its content": (files, "add_piece", 1, "before"),
    "export completed, not committed": (FLOW, "complete", 1, "after"),
    "export completed": (FLOW, "rmtree", 1, "before"),
}


def die_at(usual, number, when):
    calls: list[object] = []

    def call(*arguments, **options):
        calls.append(arguments)
        if when == "before" and len(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        result = usual(*arguments, **options)
        if len(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return call


def reach(stage):
    module, name, number, when = STAGES[stage]
    with patch.object(module, name, die_at(getattr(module, name), number, when)):
        transfer_records()


def main():
    reading.CHUNK_ROWS = FLOW._CHUNK_ROWS = 1  # type: ignore[attr-defined]
    for line in sys.stdin:
        child = os.fork()
        if not child:
            reach(line.strip())
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
