"""The command line: `order-factory`.

Prefect takes two seconds to import, the database and pandas half a second. So what is needed only
by some commands is imported inside the functions that need it, and `--help` answers at once.
"""
