"""The job of a contender, and its outcome."""

from pathlib import Path

from pydantic import BaseModel

# Of the others; the flows use their own.
BATCH_SIZE = 5_000


class Job(BaseModel, frozen=True):
    """What a contender has to do: copy the selected orders on one database."""

    contender: str
    database: str
    url: str
    selection: Path
    folder: Path
    workers: int = 1
    batch_size: int = BATCH_SIZE


class Timing(BaseModel, frozen=True):
    """Wall-clock seconds of a contender's phases.

    `recording`: the selection is read and its pending factories are written. `copying`: they are
    carried out. `whole`: both, and what else the contender does from call to return. `progress`:
    seconds of copying and orders done by then, one pair per batch, where the contender tells.
    `copying_cpu`: processor seconds of the copying, see `CpuClock`; 0 where it was not counted.
    `empty`: what as many flow runs with as many empty tasks take, where that is of interest.
    """

    recording: float
    copying: float
    whole: float
    copying_cpu: float = 0.0
    progress: list[tuple[float, int]] = []
    empty: float | None = None


class Outcome(BaseModel, frozen=True):
    """What the process of a contender tells: its timing and its memory, in MiB of resident set.

    `cpu` is the processor seconds from call to return.
    """

    timing: Timing
    cpu: float
    memory_before: float
    memory_peak: float


class Measurement(BaseModel, frozen=True):
    """One contender's run in one round; `rows` is what stood in the tables at its end."""

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
        """Of copying; 0 where it was not counted."""
        counted = self.outcome.timing.copying_cpu
        return self.orders / counted if counted else 0.0

    @property
    def orders_per_cpu_second_whole(self) -> float:
        return self.orders / self.outcome.cpu
