"""The requests of callers, checked at the entry points."""
