"""How a run ends: completion, rejection, cancellation."""
