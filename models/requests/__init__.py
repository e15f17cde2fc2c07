"""What a caller may request, checked at the entry points."""
