"""What a caller may ask for, checked where it comes in."""
