"""A process that sends a file to its own service, or reads the file. It is killed at a stage.

It reads the stages from stdin, one per line. It forks for each stage, because importing takes
longer than the work. Its environment switches the dispatchers of the service off.
"""

import os
import signal
import sys
from unittest.mock import patch

from order_factory.models.database.engine import reading
from order_factory.tasks.batches.pending import list_batches_to_read
from order_factory.tasks.read_batch_file import read_batch_file
from tests.support.api_client import Api

FILES = "order_factory.tasks.selections.file_batches"
# The function that the process calls when it is killed.
WHILE_SENDING = {
    "received": "order_factory.api.uploads.PackedFile",
    "stored, not committed": f"{FILES}.record_event",
    "committed, not answered": "order_factory.api.uploads.Upload.close",
}
WHILE_READING = {
    "begun": "order_factory.tasks.read_batch_file.write_file",
    "checked": "order_factory.tasks.selections.checked_rows.require_columns",
    "recorded, not committed": f"{FILES}.record_create_events",
    "committed": "order_factory.tasks.read_batch_file.log_line",
}
BATCHES = "order_factory_batches"


def die(*_args, **_options):
    os.kill(os.getpid(), signal.SIGKILL)


def send(api, content, key):
    """The answer to an upload with this `Idempotency-Key`."""
    headers = {"Idempotency-Key": key}
    return api.send("POST", BATCHES, files={"file": ("night.csv", content)}, headers=headers)


def reach(stage, token, content):
    if stage in WHILE_SENDING:
        with Api.connect() as api, patch(WHILE_SENDING[stage], die):
            send(api.with_token(token), content, "night")
    else:
        with reading() as db:
            (batch,) = list_batches_to_read(db)
        with patch(WHILE_READING[stage], die):
            read_batch_file.fn(batch, 10_000, lambda: None)


def main(token, content):
    for line in sys.stdin:
        child = os.fork()
        if not child:
            reach(line.strip(), token, content)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
