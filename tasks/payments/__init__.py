"""Payments: each intent is committed before the gateway is called, outside of any transaction."""
