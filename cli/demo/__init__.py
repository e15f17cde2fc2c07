"""The demo: import real orders, copy them, verify the copies."""
