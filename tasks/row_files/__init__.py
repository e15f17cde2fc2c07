"""Row files: CSV, JSON Lines, Parquet and XLSX, read for imports and selections."""
