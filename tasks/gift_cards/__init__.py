"""Gift cards: the amounts that they pay for copies, and how these are taken and returned."""
