"""The command line: `order-factory`.

Prefect takes two seconds to import, the database and pandas half a second. So a command imports
them inside its function, and `--help` answers immediately.
"""
