"""The records of batches, and how they are divided."""
