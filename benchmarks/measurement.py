"""The job of a contender, and its outcome."""

from pathlib import Path

from pydantic import BaseModel

# Of the others; the flows use their own.
BATCH_SIZE = 5_000


class Job(BaseModel, frozen=True):
    """The task of a contender: copy the selected orders on one database."""

    contender: str
    database: str
    url: str
    selection: Path
    folder: Path
    workers: int = 1
    batch_size: int = BATCH_SIZE


class Timing(BaseModel, frozen=True):
    """Wall-clock seconds of a contender's phases.

    `recording`: read the selection and insert its pending factories. `copying`: copy them. `whole`:
    everything from call to return. `progress`: seconds of copying and finished orders, a pair per
    batch, if the contender reports them. `copying_cpu`: CPU seconds of the copying, see `CpuClock`;
    0 if not counted. `empty`: the time of as many flow runs with empty tasks, if measured.
    """

    recording: float
    copying: float
    whole: float
    copying_cpu: float = 0.0
    progress: list[tuple[float, int]] = []
    empty: float | None = None


class Outcome(BaseModel, frozen=True):
    """The report of a contender's process: its timing, and its resident memory in MiB.

    `cpu` is the CPU seconds from call to return.
    """

    timing: Timing
    cpu: float
    memory_before: float
    memory_peak: float


class Measurement(BaseModel, frozen=True):
    """One contender's run in one round; `rows` are the tallies of the tables at its end."""

    contender: str
    database: str
    round: int
    orders: int
    rows: int
    outcome: Outcome

    @property
    def orders_per_second(self) -> float:
        return self.orders / self.outcome.timing.copying

    @property
    def orders_per_second_whole(self) -> float:
        return self.orders / self.outcome.timing.whole

    @property
    def orders_per_cpu_second(self) -> float:
        """Return the orders copied per CPU second; 0 if it was not counted."""
        counted = self.outcome.timing.copying_cpu
        return self.orders / counted if counted else 0.0

    @property
    def orders_per_cpu_second_whole(self) -> float:
        return self.orders / self.outcome.cpu
