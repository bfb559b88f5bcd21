"""The fast network: how it goes forward, back, and down the gradient."""
