"""Payment gateways: one small protocol and its implementations. None of them uses a database."""
