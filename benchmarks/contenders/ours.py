"""Ours: the flow `bulk_order_factory`, called as a user calls it."""

from time import perf_counter

from benchmarks.cpu_clock import CpuClock
from benchmarks.measurement import Job, Timing
from order_factory.flows.bulk_order_factory import bulk_order_factory
from order_factory.models.results.progress import show_progress_with


def run(job: Job, *, place: bool = False) -> Timing:
    """Call the flow. `whole` includes the time before and after the copying."""
    cpu = CpuClock(job.url)
    started = perf_counter()
    moments: list[tuple[float, int]] = []
    cpu_by_step: list[float] = []

    def listen(step: str, done: int, total: int | None) -> None:
        if step == "copy orders":
            moments.append((perf_counter(), done))
            cpu_by_step.append(cpu.seconds())

    with show_progress_with(listen):
        result = bulk_order_factory(
            orders=str(job.selection),
            reference="benchmark",
            workers=job.workers,
            report_path=str(job.folder / "report.csv"),
            place_target_order=place,
        )
    ended = perf_counter()
    # The last part is reported after its commit, when the copying ends.
    copied_from = moments[-1][0] - result.seconds
    return Timing(
        recording=copied_from - started,
        copying=result.seconds,
        whole=ended - started,
        copying_cpu=cpu_by_step[-1] - cpu_by_step[0],
        progress=[(moment - copied_from, done) for moment, done in moments],
    )
