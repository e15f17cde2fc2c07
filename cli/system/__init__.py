"""A whole system on this machine: starts and ends Prefect's server, a worker and the HTTP API."""
