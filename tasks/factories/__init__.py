"""The records of order factories, and the source orders that they name."""
