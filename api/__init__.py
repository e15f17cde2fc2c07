"""The HTTP API: what the shop holds, as JSON:API, and order copies to ask for."""
