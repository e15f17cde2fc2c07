"""Reading rows out of files: CSV, JSON Lines, Parquet and XLSX, for imports and selections."""
