"""The Prefect tasks at this level; the packages below contain the functions that they use."""
