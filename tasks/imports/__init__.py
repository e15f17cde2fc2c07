"""Importing customers, the catalogue and orders from files, set-based and in chunks."""
