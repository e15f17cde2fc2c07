"""Webhooks: subscriptions to events, and their deliveries with retries."""
