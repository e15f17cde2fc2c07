"""The reports of a batch for people: a file with a row per factory, and an HTML page."""
