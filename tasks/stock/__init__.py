"""Stock: what is available, and what is reserved."""
