"""The flow `bulk_order_factory` as `ours`, which places the copies."""

from benchmarks.contenders import ours
from benchmarks.measurement import Job, Timing


def run(job: Job) -> Timing:
    """Copy and place the selected orders."""
    return ours.run(job, place=True)
