"""Gift cards: what they pay for copies, taken when an order is placed and given back later."""
