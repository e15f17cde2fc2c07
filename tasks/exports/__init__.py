"""Exports: they write a selection of the shop's rows into files that an import can read."""
