"""The output for a person: each function returns the parts to show, from top to bottom."""
