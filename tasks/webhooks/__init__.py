"""Webhooks: who is notified of what, and how it is sent and sent again."""
