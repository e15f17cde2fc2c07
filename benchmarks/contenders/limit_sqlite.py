"""The fair limit on SQLite: the hand-written script with `PRAGMA foreign_keys = OFF`.

It writes the same rows without foreign-key checks. No program that copies these rows with SQL can
be much faster.
"""

from benchmarks.contenders import hand_written_sqlite
from benchmarks.measurement import Job, Timing


def run(job: Job) -> Timing:
    """Record and copy the selection without foreign-key checks."""
    return hand_written_sqlite.run(job, checks_keys=False)
