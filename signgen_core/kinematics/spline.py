"""Time laws and smoothing with finite support: a change at one moment never reaches further than its window."""

from __future__ import annotations

import numpy as np


def minimum_jerk(s: np.ndarray) -> np.ndarray:
    """The minimum-jerk time law (Flash & Hogan 1985): 0 to 1 with zero velocity and acceleration at both ends; s is clipped to [0, 1]."""
    s = np.clip(s, 0.0, 1.0)
    return s * s * s * (10.0 + s * (6.0 * s - 15.0))


MINIMUM_JERK_PEAK = 1.875  # peak of the time law's derivative


def hermite(p0: np.ndarray, v0: np.ndarray, p1: np.ndarray, v1: np.ndarray, s: np.ndarray, seconds: float) -> np.ndarray:
    """Quintic join (N, D) from p0 with velocity v0 to p1 with velocity v1 (units a second), zero acceleration at both ends.

    s: (N,) in [0, 1] of `seconds`. With zero velocities it is the minimum-jerk path.
    """
    s = np.clip(np.asarray(s, dtype=np.float64), 0.0, 1.0)[:, None]
    h1 = minimum_jerk(s)
    h_v0 = s - 6 * s**3 + 8 * s**4 - 3 * s**5
    h_v1 = -4 * s**3 + 7 * s**4 - 3 * s**5
    return p0 + (p1 - p0) * h1 + v0 * seconds * h_v0 + v1 * seconds * h_v1


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


def first_order_smooth(values: np.ndarray, alpha: float = 0.1) -> np.ndarray:
    """x_t = (1 - a) x_t + a x_(t-1), the recursive smoother of the speech-to-sign paper; an option, since its memory is unbounded."""
    out = np.array(values, dtype=np.float64)
    for t in range(1, len(out)):
        out[t] = (1.0 - alpha) * out[t] + alpha * out[t - 1]
    return out


def rise_and_fall(times: np.ndarray, start: float, end: float, ramp: float) -> np.ndarray:
    """A plateau of 1 between start and end (seconds) with minimum-jerk ramps outside it, as weights (T,) for spans of face and head."""
    up = minimum_jerk((times - (start - ramp)) / ramp)
    down = minimum_jerk((end + ramp - times) / ramp)
    return np.minimum(up, down)
