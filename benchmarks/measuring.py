"""Measure a contender in its own process, on a new copy of the shop."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path

import pandas as pd

from benchmarks.dataset import Tables, judge_orders, read_tables
from benchmarks.guard import Tally, tally
from benchmarks.measurement import Job, Measurement, Outcome
from benchmarks.plan import Contender
from benchmarks.selection import write_selection
from benchmarks.shops import Shops, pay_by_hand

_LONGEST_SECONDS = 3600


class Bench:
    """The source shop with its first `orders` orders (None: all), on each of the databases.

    `environment` has the variables with which the contenders' processes find Prefect.
    """

    def __init__(
        self,
        folder: Path,
        shops: dict[str, Shops],
        environment: dict[str, str],
        orders: int | None,
    ) -> None:
        self._folder = folder
        self._shops = shops
        self._environment = environment
        self._orders = orders
        self._name = f"shop_{orders or 'all'}"

    def prepare(self, database: str) -> None:
        """Load the source shop, unless an earlier run has loaded it."""
        self._shops[database].prepare(self._name, lambda: self._tables)

    def measure(
        self,
        contender: Contender,
        database: str,
        *,
        orders: int,
        round: int,
        as_they_come: bool,
        beside: Callable[[str], AbstractContextManager[object]] = nullcontext,
    ) -> tuple[Measurement, Tally]:
        """Run the contender with up to `orders` orders. Returns its measurement.

        `as_they_come` takes all orders, oldest first, including those that fail. `beside` is called
        with the URL of the shop, and lasts as long as the contender. Raises `RuntimeError` if the
        contender's process fails.
        """
        failing = None if as_they_come else contender.failing
        selection, count = self._selection(orders, failing)
        with self._shops[database].fresh(self._name) as url:
            if contender.by_hand:
                pay_by_hand(url)
            job = Job(
                contender=contender.modules[database],
                database=database,
                url=url,
                selection=selection,
                folder=self._folder,
                workers=contender.workers,
            )
            with beside(url):
                outcome = self._run(job)
            rows, counted = tally(url)
        measurement = Measurement(
            contender=contender.name,
            database=database,
            round=round,
            orders=count,
            rows=rows,
            outcome=outcome,
        )
        return measurement, counted

    def _run(self, job: Job) -> Outcome:
        message, asked = self._folder / "outcome.json", self._folder / "job.json"
        message.unlink(missing_ok=True)
        asked.write_text(job.model_dump_json())
        ended = subprocess.run(
            [sys.executable, "-m", "benchmarks.child", str(asked), str(message)],
            env={**os.environ, **self._environment},
            timeout=_LONGEST_SECONDS,
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode or not message.exists():
            raise RuntimeError(f"{job.contender} on {job.database} failed:\n{ended.stderr}")
        return Outcome.model_validate_json(message.read_text())

    def _selection(self, orders: int, failing: float | None) -> tuple[Path, int]:
        """Return the selection file for this many orders, and their number."""
        share = "all" if failing is None else f"{failing:.0%}"
        path = self._folder / "selections" / f"{self._name}_{orders}_{share}.csv"
        if not path.exists():
            write_selection(path, self._judged, orders, failing)
        with path.open() as file:
            return path, sum(1 for _ in file) - 1

    @cached_property
    def _tables(self) -> Tables:
        return read_tables(self._folder / f"{self._name}_files", self._orders)

    @cached_property
    def _judged(self) -> pd.DataFrame:
        return judge_orders(self._tables)
