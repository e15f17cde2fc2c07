"""The resources of the API: the table, attributes, relationships and rules of each."""
