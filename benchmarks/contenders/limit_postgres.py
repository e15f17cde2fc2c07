"""The fair limit on PostgreSQL: the hand-written script with `session_replication_role = replica`.

It writes the same rows without foreign-key checks. No program that copies these rows with SQL can
be much faster.
"""

from benchmarks.contenders import hand_written_postgres
from benchmarks.measurement import Job, Timing


def run(job: Job) -> Timing:
    """Record and copy the selection without foreign-key checks."""
    return hand_written_postgres.run(job, checks_keys=False)
