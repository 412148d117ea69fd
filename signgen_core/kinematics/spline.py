"""Time laws and smoothing with finite support: a change at one moment never reaches further than its window."""

from __future__ import annotations

import numpy as np


def minimum_jerk(s: np.ndarray) -> np.ndarray:
    """The minimum-jerk time law (Flash & Hogan 1985): 0 to 1 with zero velocity and acceleration at both ends; s is clipped to [0, 1]."""
    s = np.clip(s, 0.0, 1.0)
    return s * s * s * (10.0 + s * (6.0 * s - 15.0))


MINIMUM_JERK_PEAK = 1.875  # peak of the time law's derivative


def gaussian_kernel(sigma: float) -> np.ndarray:
    """A normalised Gaussian of standard deviation `sigma` frames, cut at three."""
    radius = max(1, int(np.ceil(3.0 * sigma)))
    x = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (x / max(sigma, 1e-6)) ** 2)
    return kernel / kernel.sum()


def smooth(values: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolution over time (T, ...) with the ends held; finite support, same length."""
    radius = len(kernel) // 2
    padded = np.concatenate([np.repeat(values[:1], radius, axis=0), values, np.repeat(values[-1:], radius, axis=0)])
    out = np.zeros_like(values, dtype=np.float64)
    for k, weight in enumerate(kernel):
        out += weight * padded[k : k + len(values)]
    return out


def rise_and_fall(times: np.ndarray, start: float, end: float, ramp: float) -> np.ndarray:
    """A plateau of 1 between start and end (seconds) with minimum-jerk ramps outside it, as weights (T,) for spans of face and head."""
    up = minimum_jerk((times - (start - ramp)) / ramp)
    down = minimum_jerk((end + ramp - times) / ramp)
    return np.minimum(up, down)
