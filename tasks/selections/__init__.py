"""The selection of a batch: read from the caller's orders, checked and recorded."""
