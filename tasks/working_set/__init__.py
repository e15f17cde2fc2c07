"""What a transaction works in: temporary tables, claims, statements, errors."""
