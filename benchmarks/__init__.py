"""How fast orders are copied, beside the hand-written SQL that writes the very same rows."""
