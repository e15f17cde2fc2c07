"""Payment gateways: one small protocol, and what speaks it. Nothing here knows a database."""
