"""The learning-rate schedules: η of an epoch."""

import numpy as np

from .progress import Plan, Progress

# An adaptive step size is not divided any further from here on, as in scikit-learn.
SMALLEST_ADAPTIVE_ETA = 1e-6


def step_size(plan: Plan, progress: Progress) -> float:
    """η of the coming epoch, in closed form from what has been seen so far."""
    eta_0 = plan.learning_rate_init
    if plan.learning_rate == "invscaling":
        # A power below the smallest number is 0; Python's own would be an error.
        return float(eta_0 * np.power(progress.t + 1.0, -plan.power_t))
    if plan.learning_rate == "adaptive":
        return eta_0 * 5.0**-progress.n_eta_drops
    return eta_0
