"""The database: engine, schema, and every difference between SQLite and PostgreSQL."""
