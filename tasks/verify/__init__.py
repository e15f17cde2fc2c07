"""The invariants of every database, and the queries that find violations."""

from order_factory.tasks.verify.verifying import verify

__all__ = ["verify"]
