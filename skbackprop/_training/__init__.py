"""Gradient descent: epochs, batches, step sizes, stopping, and what is told of it."""
