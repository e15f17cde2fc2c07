"""Reading rows from CSV, JSON Lines, Parquet and XLSX files, for imports and selections."""
