"""Copies of a shop's database: made a shop of their own, a test shop, or free of personal data."""
