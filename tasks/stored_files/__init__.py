"""Stored files: files of clients, kept in the database until they are no longer needed."""
