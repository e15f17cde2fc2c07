"""The selection of a batch: read from what the caller gives, checked and recorded."""
