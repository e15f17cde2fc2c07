"""Exports and imports that were requested over HTTP: their records, and their ends."""
