"""What each resource of the API is: its table, attributes, relationships, and what may be written."""
