"""The Prefect UI: artifacts, tags, links, events and logs."""
