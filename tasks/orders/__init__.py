"""Changes of existing orders: place, cancel, capture, refund, edit."""
