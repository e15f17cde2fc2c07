"""Changes of existing orders: placing, cancelling, capturing, refunding, editing."""
