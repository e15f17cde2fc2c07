"""Showing progress: a bar per step on a terminal, a line every few seconds elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from order_factory.cli.terminal import Terminal, printable
from order_factory.models.results.progress import show_progress_with

SECONDS_BETWEEN_LINES = 3.0


# Rich's own rate needs two updates within half a minute; one part of a batch may take longer.
def _compute_rate(task: Task) -> float | None:
    """Units per second since the bar started; None while it is at 0."""
    return task.completed / task.elapsed if task.completed and task.elapsed else None


class _RateColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        rate = _compute_rate(task)
        return Text(f"{rate:,.0f}/s" if rate else "", style="progress.data.speed")


class _TimeLeftColumn(ProgressColumn):
    max_refresh = 0.5  # faster changes are unreadable

    def render(self, task: Task) -> Text:
        rate = _compute_rate(task)
        if not rate or task.total is None or task.finished:
            return Text("")
        remaining = timedelta(seconds=round((task.total - task.completed) / rate))
        return Text(f"{remaining} left", style="progress.remaining")


class _Bars:
    """One bar per step, and a pulsing bar until the first step reports its progress."""

    def __init__(self, progress: Progress, title: str) -> None:
        self._progress = progress
        self._bars: dict[str, TaskID] = {}
        self._placeholder = progress.add_task(title, total=None)

    def __call__(self, step: str, done: int, total: int | None) -> None:
        if step not in self._bars:
            self._progress.update(self._placeholder, visible=False)
            self._bars[step] = self._progress.add_task(printable(step), total=total)
        self._progress.update(self._bars[step], completed=done, total=total)


class _Lines:
    """A line at most every few seconds during a step, and a line at its end.

    A step without a known total also gets a line at its start.
    """

    def __init__(self, terminal: Terminal, title: str) -> None:
        self._terminal = terminal
        self._step: str | None = None
        self._started_at: dict[str, float] = {}
        self._written_at = 0.0
        self._ended = False
        terminal.note(f"{title} ...")

    def __call__(self, step: str, done: int, total: int | None) -> None:
        now = monotonic()
        if step != self._step:
            self._step, self._written_at, self._ended = step, now, False
            self._started_at.setdefault(step, now)
            if total is None and not done:
                self._terminal.note(f"{step} ...")
        ends = done == total
        if self._ended if ends else now - self._written_at < SECONDS_BETWEEN_LINES:
            return
        self._written_at, self._ended = now, ends
        self._terminal.note(self._line(step, done, total, now - self._started_at[step]))

    def _line(self, step: str, done: int, total: int | None, seconds: float) -> str:
        line = f"{step}: {done:,}" if total is None else f"{step}: {done:,} of {total:,}"
        if not done or not seconds:
            return line
        line += f", {done / seconds:,.0f}/s"
        return (
            line
            if not total or done == total
            else f"{line}, {_describe_time_left(seconds, done, total)}"
        )


@contextmanager
def show_bars(terminal: Terminal, title: str) -> Iterator[None]:
    """Inside the block, show the progress that `models.results.progress` reports."""
    if not terminal.err.is_terminal:
        with show_progress_with(_Lines(terminal, title)):
            yield
        return
    columns = (
        SpinnerColumn(finished_text=" "),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        _RateColumn(),
        TimeElapsedColumn(),
        _TimeLeftColumn(),
    )
    with (
        Progress(*columns, console=terminal.err) as progress,
        show_progress_with(_Bars(progress, title)),
    ):
        yield


def _describe_time_left(seconds: float, done: int, total: int) -> str:
    return f"{seconds / done * (total - done):,.0f} s left"
