"""What the data is and what can go wrong."""
