"""The recipe: the steps of copying, a file a step, and the engine that runs them."""
