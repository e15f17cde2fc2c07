"""The contenders: each copies the same orders in its own way, and writes the same rows."""
