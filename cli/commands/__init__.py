"""The commands, one per module: their options, what they do, and what they print."""
