"""The Prefect tasks. What they use stands in the rooms beside them."""
