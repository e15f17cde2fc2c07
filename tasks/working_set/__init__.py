"""What a transaction works with: temporary tables, claims, statements, errors."""
