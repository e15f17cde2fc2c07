"""Payments: written down before a gateway is asked, asked outside of any transaction, settled."""
