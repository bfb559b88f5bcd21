"""The fast network: its forward pass, backpropagation, and gradient descent."""
