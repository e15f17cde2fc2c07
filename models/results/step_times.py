"""The times of the steps of copying, added up over the parts of a run."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple


class StepTime(NamedTuple):
    """A step, its number of rows, and its duration in seconds."""

    step: str
    rows: int
    seconds: float


@dataclass
class StepTimes:
    """One `StepTime` per step, in the order in which the steps were first added."""

    _steps: dict[str, StepTime] = field(default_factory=dict)

    def add(self, step: str, rows: int, seconds: float) -> None:
        known = self._steps.get(step)
        if known is not None:
            rows, seconds = rows + known.rows, seconds + known.seconds
        self._steps[step] = StepTime(step, rows, seconds)

    def add_all(self, times: Iterable[StepTime]) -> None:
        for time in times:
            self.add(*time)

    def __iter__(self) -> Iterator[StepTime]:
        return iter(self._steps.values())

    def __bool__(self) -> bool:
        return bool(self._steps)

    @property
    def seconds(self) -> float:
        return sum(time.seconds for time in self)
