"""Which orders a batch copies: read from what the caller gives, checked, and recorded."""
