"""One measurement in its own process: `python -m benchmarks.child JOB.json OUTCOME.json`."""

import os
import resource
import sys
from importlib import import_module
from pathlib import Path

from benchmarks.cpu_clock import CpuClock
from benchmarks.measurement import Job, Outcome


def _resident_peak() -> float:
    """Return the peak memory of this process so far, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():
        # On Linux, ru_maxrss starts with the memory of the parent.
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def main() -> None:
    """Run the contender of the job file, and write the outcome file."""
    job = Job.model_validate_json(Path(sys.argv[1]).read_text())
    os.environ["ORDER_FACTORY_DATABASE_URL"] = job.url
    contender = import_module(f"benchmarks.contenders.{job.contender}")
    before, cpu = _resident_peak(), CpuClock(job.url)
    cpu_before = cpu.seconds()
    timing = contender.run(job)
    outcome = Outcome(
        timing=timing,
        cpu=cpu.seconds() - cpu_before,
        memory_before=before,
        memory_peak=_resident_peak(),
    )
    Path(sys.argv[2]).write_text(outcome.model_dump_json())


if __name__ == "__main__":
    main()
