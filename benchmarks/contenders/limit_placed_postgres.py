"""The fair limit on PostgreSQL, which places the copies that are paid by hand.

Each order is inserted as placed, and its pieces are taken from the stock with a reservation.
"""

from benchmarks.contenders import hand_written_postgres
from benchmarks.measurement import Job, Timing


def run(job: Job) -> Timing:
    """Record, copy and place the selection without foreign-key checks."""
    return hand_written_postgres.run(job, checks_keys=False, place=True)
