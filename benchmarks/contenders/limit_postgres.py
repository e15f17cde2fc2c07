"""The fair limit on PostgreSQL: the hand-written script with `session_replication_role = replica`.

It writes the same rows, and the database does not look up what each of them refers to. Nothing
that copies these rows with SQL can be much faster.
"""

from benchmarks.contenders import hand_written_postgres
from benchmarks.measurement import Job, Timing


def run(job: Job) -> Timing:
    """Record and copy the selection, and answer for the references."""
    return hand_written_postgres.run(job, checks_keys=False)
