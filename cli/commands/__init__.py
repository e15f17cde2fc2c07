"""The commands, one per module: what they take, what they do, and what they say at the end."""
