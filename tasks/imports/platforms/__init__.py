"""Reading the order exports of other platforms, by a mapping of their columns."""
