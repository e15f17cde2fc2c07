"""Payments: written down before a gateway is asked, which happens outside of any transaction."""
