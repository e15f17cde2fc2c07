"""The demo: real orders in, copies out, everything checked."""
