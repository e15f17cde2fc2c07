"""Copies of a shop's database: adopting one, making it a test shop, and masking personal data."""
