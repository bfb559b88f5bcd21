"""The learning-rate schedules: η for each epoch."""

import numpy as np

from .progress import Plan, Progress

# An adaptive step size is not divided again once it is this small, as in scikit-learn.
SMALLEST_ADAPTIVE_ETA = 1e-6


def step_size(plan: Plan, progress: Progress) -> float:
    """η for the next epoch, computed from the progress so far."""
    eta_0 = plan.learning_rate_init
    if plan.learning_rate == "invscaling":
        # numpy's power underflows to 0, where Python's raises an error.
        return float(eta_0 * np.power(progress.t + 1.0, -plan.power_t))
    if plan.learning_rate == "adaptive":
        return eta_0 * 5.0**-progress.n_eta_drops
    return eta_0
