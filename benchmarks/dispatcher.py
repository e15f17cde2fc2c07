"""A process that delivers webhooks until it is ended: `python -m benchmarks.dispatcher`."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from order_factory.api.webhook_documents import render_documents
from order_factory.tasks.webhooks.delivering import send_due_deliveries
from order_factory.tasks.webhooks.settings import webhook_settings


@contextmanager
def dispatcher() -> Iterator[psutil.Process]:
    """Run the process during the block, with the environment of this one."""
    command = [sys.executable, "-m", "benchmarks.dispatcher"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            process.stdout.readline()
            yield psutil.Process(process.pid)
        finally:
            process.terminate()


if __name__ == "__main__":
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    send_due_deliveries(render_documents, webhook_settings(), until_idle=False)
