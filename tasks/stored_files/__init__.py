"""Stored files: files of clients that are in the database until they are no longer needed."""
