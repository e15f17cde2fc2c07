"""Batches: their records, their division into parts, and how they are stopped and resumed."""
