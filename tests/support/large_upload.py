"""A process that sends a large file to its own service, reads it, and measures its memory.

By hand:
ORDER_FACTORY_DATABASE_URL=... python -m tests.support.large_upload NUMBER ROWS WIDTH TOKEN [xlsx]
"""

import json
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

import psutil

os.environ["ORDER_FACTORY_API_DISPATCH"] = "false"
os.environ["ORDER_FACTORY_API_DISPATCH_WEBHOOKS"] = "false"

from order_factory.models.database.engine import reading
from order_factory.tasks.batches.pending import list_batches_to_read
from order_factory.tasks.read_batch_file import read_batch_file
from tests.support.api_client import run_service

MEBI = 1 << 20


@contextmanager
def measure_memory(figures, name):
    """Store the largest memory of this process in the block, in MiB, and the seconds."""
    process, over, peak = psutil.Process(), Event(), [0]

    def watch():
        while not over.wait(0.01):
            peak[0] = max(peak[0], process.memory_info().rss)

    watcher = Thread(target=watch)
    watcher.start()
    began = time.perf_counter()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        figures[name] = round(max(peak[0], process.memory_info().rss) / MEBI, 1)
        figures[f"{name}_seconds"] = round(time.perf_counter() - began, 1)


def write_rows(path, number, rows, width, prefix):
    """Write rows of the same order, each with another reference and metadata of this width."""
    shelf = "A" * width
    with path.open("w", encoding="utf-8") as file:
        file.write("source_order,reference,metadata\n")
        for nth in range(rows):
            file.write(f'{number},{prefix}-{nth},"{{""row"": {nth}, ""shelf"": ""{shelf}""}}"\n')


def write_workbook(csv_file, path):
    """Write the same rows as Excel does: each text once, in a common part of the file."""
    import csv
    import subprocess

    # Another process writes it: the writer's memory must not count.
    if os.environ.get("WRITES_WORKBOOK") is None:
        subprocess.run(
            [sys.executable, "-m", "tests.support.large_upload", str(csv_file), str(path)],
            env={**os.environ, "WRITES_WORKBOOK": "yes"},
            check=True,
        )
        return
    from xlsxwriter import Workbook

    with Workbook(path) as book, csv_file.open(encoding="utf-8", newline="") as file:
        sheet = book.add_worksheet()
        for nth, row in enumerate(csv.reader(file)):
            sheet.write_row(nth, 0, row)


def send(client, token, path):
    with path.open("rb") as file:
        response = client.post(
            "/api/order_factory_batches",
            files={"file": (path.name, file)},
            headers={"Authorization": f"Bearer {token}"},
        )
    assert response.status_code == 201, response.text


def read_file():
    with reading() as db:
        (batch,) = list_batches_to_read(db)
    read_batch_file.fn(batch, 10_000, lambda: None)


def main(number, rows, width, token, ending="csv"):
    figures: dict[str, float] = {}
    with TemporaryDirectory() as folder, run_service() as port:
        import httpx

        path = Path(folder) / "rows.csv"

        def write(rows, width, prefix):
            write_rows(path, number, rows, width, prefix)
            if ending == "csv":
                return path
            write_workbook(path, path.with_suffix(".xlsx"))
            return path.with_suffix(".xlsx")

        base = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=base, trust_env=False, timeout=300) as client:
            # The first upload imports and compiles for the later ones.
            with measure_memory(figures, "before"):
                send(client, token, write(12_000, 4, "first"))
                read_file()
            file = write(rows, width, "then")
            figures["unpacked"] = round(path.stat().st_size / MEBI, 1)
            figures["file"] = round(file.stat().st_size / MEBI, 1)
            with measure_memory(figures, "uploading"):
                send(client, token, file)
            with measure_memory(figures, "reading"):
                read_file()
    sys.stdout.write(f"{json.dumps(figures)}\n")


if __name__ == "__main__":
    if os.environ.get("WRITES_WORKBOOK"):
        write_workbook(Path(sys.argv[1]), Path(sys.argv[2]))
    else:
        main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
