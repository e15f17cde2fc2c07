"""The contenders: each copies the same orders in a different way, and writes the same rows."""
