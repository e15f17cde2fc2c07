"""The life of orders after they are made: placing, cancelling, capturing, refunding, editing."""
