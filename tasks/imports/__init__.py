"""Importing: files of customers, catalogue and orders become rows, in chunks and set-based."""
