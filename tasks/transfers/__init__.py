"""Transfers: exports and imports that were requested over HTTP."""
