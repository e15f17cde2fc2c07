"""Gift cards: the amounts that they pay for copies, and when these are taken and given back."""
