"""The results that flows return."""
