"""Order exports of other platforms, read with a mapping of their columns."""
