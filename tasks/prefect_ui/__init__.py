"""What a person sees in the Prefect UI: artifacts, tags, links, events, logs."""
