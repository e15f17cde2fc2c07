"""The HTTP API: the shop's resources as JSON:API, and requests for order copies."""
