"""Compare the speed of copying with hand-written SQL that writes the same rows."""
