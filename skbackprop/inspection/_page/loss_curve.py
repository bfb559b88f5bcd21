"""The loss curve beside a moment of a recorded training."""

from collections.abc import Sequence

import numpy as np

# Its frame, and the room for its labels.
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BELOW = 640, 120, 56, 8, 10, 20


def loss_curve(epochs: Sequence[float], costs: Sequence[float], place: int) -> str:
    """Draw the whole curve faintly, and strongly how far it has come."""
    right, floor = WIDTH - RIGHT, HEIGHT - BELOW
    x = LEFT + (right - LEFT) * np.array(epochs) / (max(epochs) or 1)
    y = TOP + (floor - TOP) * (1 - np.array(costs) / (max(costs) or 1))
    points = [f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True)]
    return (
        f'<div class="skb-curve"><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="Mean cost, epoch by epoch, now {costs[place]:.4g}">'
        f'<path d="M{LEFT},{TOP}V{floor}H{right}" fill="none" stroke="currentColor" '
        'stroke-opacity="0.5"/>'
        f'<polyline points="{" ".join(points)}" fill="none" '
        'stroke="currentColor" stroke-opacity="0.25"/>'
        f'<polyline points="{" ".join(points[: place + 1])}" fill="none" '
        'stroke="currentColor" stroke-width="2"/>'
        f'<circle cx="{x[place]:.1f}" cy="{y[place]:.1f}" r="4" fill="currentColor"/>'
        f'<text x="{LEFT - 6}" y="14" text-anchor="end">{max(costs):.2g}</text>'
        f'<text x="{LEFT - 6}" y="{floor}" text-anchor="end">0</text>'
        f'<text x="{LEFT}" y="{HEIGHT - 4}">mean cost C</text>'
        f'<text x="{right}" y="{HEIGHT - 4}" text-anchor="end">'
        f"{max(epochs):.4g} epochs</text></svg></div>"
    )
