"""Exporting any selection of a shop into files that an import can read."""
