"""What the flows return."""
