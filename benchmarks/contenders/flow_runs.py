"""One `order_factory` flow run per order, compared with flow runs whose tasks do nothing."""

from statistics import median
from time import perf_counter

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from benchmarks.measurement import Job, Timing
from benchmarks.selection import read_selection
from order_factory.flows.order_factory import order_factory
from order_factory.tasks.copying.recipe import STEPS


@task(name="step", task_run_name="step", cache_policy=NO_CACHE)
def _step() -> int:
    return 0


@task(name="copy order", task_run_name="copy order", cache_policy=NO_CACHE)
def _outer_task() -> int:
    return sum(_step() for _ in STEPS)


@flow(name="empty", flow_run_name="empty")
def _empty() -> int:
    return _outer_task()


def run(job: Job) -> Timing:
    """Alternate the two, so that both have the same load of the machine. Returns the medians.

    The median leaves out the cost of a process's first run.
    """
    numbers = read_selection(job.selection)
    copying, empty = [], []
    for number in numbers:
        before = perf_counter()
        order_factory(number)
        between = perf_counter()
        _empty()
        copying.append(between - before)
        empty.append(perf_counter() - between)
    seconds = median(copying) * len(numbers)
    return Timing(recording=0.0, copying=seconds, whole=seconds, empty=median(empty) * len(numbers))
