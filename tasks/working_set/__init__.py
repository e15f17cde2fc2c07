"""The working set of a transaction: temporary tables, claims, statements, errors."""
