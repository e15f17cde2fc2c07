"""The fsck of this project: what must hold in every database, and what breaks it."""

from order_factory.tasks.verify.verifying import verify

__all__ = ["verify"]
