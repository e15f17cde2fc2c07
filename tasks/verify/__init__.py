"""The fsck of this project: what must hold in every database, and what breaks it."""

from tasks.verify.verifying import verify

__all__ = ["verify"]
