"""Gradient descent: epochs, batches, step sizes, stopping, and progress reports."""
