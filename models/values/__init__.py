"""Statuses, states, frequencies, ids: the values that columns and requests may have."""
