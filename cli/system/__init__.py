"""A whole system on this machine: Prefect's server, a worker and the HTTP API, begun and ended as one."""
