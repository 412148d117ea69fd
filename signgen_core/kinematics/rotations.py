"""Rotations: axis-angle, unit quaternions, matrices and the 6-D form, as pure numpy functions with leading batch shapes.

Conventions: right-handed; quaternions are `wxyz`, unit length; matrices act on column vectors; an axis-angle vector is axis
times angle in radians. The 6-D form is the first *column* of the matrix followed by the second (Zhou et al. 2019), so
`rot6d[..., :3]` is `R @ x_axis`: a row-wise flattening is a different and incompatible layout.
"""

from __future__ import annotations

import numpy as np

_TINY = 1e-12


def normalise(v: np.ndarray, fallback: np.ndarray | None = None) -> np.ndarray:
    """Unit vectors (..., D). Zero vectors become `fallback` (D,), or stay zero without one."""
    v = np.asarray(v, dtype=np.float64)
    length = np.sqrt(np.sum(v * v, axis=-1, keepdims=True))
    out = v / np.maximum(length, _TINY)
    if fallback is not None:
        out = np.where(length > 1e-9, out, np.asarray(fallback, dtype=np.float64))
    return out


def axis_angle_to_quaternion(aa: np.ndarray) -> np.ndarray:
    """(..., 3) radians to (..., 4) wxyz."""
    aa = np.asarray(aa, dtype=np.float64)
    angle = np.sqrt(np.sum(aa * aa, axis=-1, keepdims=True))
    half = 0.5 * angle
    # sin(x/2)/x tends to 1/2; the series keeps the derivative right where the division would not
    scale = np.where(angle > 1e-6, np.sin(half) / np.maximum(angle, 1e-6), 0.5 - angle * angle / 48.0)
    return np.concatenate([np.cos(half), aa * scale], axis=-1)


def quaternion_to_axis_angle(q: np.ndarray) -> np.ndarray:
    """(..., 4) wxyz to (..., 3) radians, angle in [0, pi]."""
    q = np.asarray(q, dtype=np.float64)
    q = np.where(q[..., :1] < 0, -q, q)
    sin_half = np.sqrt(np.sum(q[..., 1:] ** 2, axis=-1, keepdims=True))
    angle = 2.0 * np.arctan2(sin_half, q[..., :1])
    scale = np.where(sin_half > 1e-8, angle / np.maximum(sin_half, 1e-8), 2.0)
    return q[..., 1:] * scale


def quaternion_to_matrix(q: np.ndarray) -> np.ndarray:
    """(..., 4) wxyz, unit, to (..., 3, 3)."""
    w, x, y, z = np.moveaxis(np.asarray(q, dtype=np.float64), -1, 0)
    m = np.empty((*np.shape(w), 3, 3))
    m[..., 0, 0] = 1 - 2 * (y * y + z * z)
    m[..., 0, 1] = 2 * (x * y - w * z)
    m[..., 0, 2] = 2 * (x * z + w * y)
    m[..., 1, 0] = 2 * (x * y + w * z)
    m[..., 1, 1] = 1 - 2 * (x * x + z * z)
    m[..., 1, 2] = 2 * (y * z - w * x)
    m[..., 2, 0] = 2 * (x * z - w * y)
    m[..., 2, 1] = 2 * (y * z + w * x)
    m[..., 2, 2] = 1 - 2 * (x * x + y * y)
    return m


def matrix_to_quaternion(m: np.ndarray) -> np.ndarray:
    """(..., 3, 3) to (..., 4) wxyz with w >= 0; the largest component is computed first, so that no case divides by near zero."""
    m = np.asarray(m, dtype=np.float64)
    m00, m11, m22 = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    squares = np.stack([1 + m00 + m11 + m22, 1 + m00 - m11 - m22, 1 - m00 + m11 - m22, 1 - m00 - m11 + m22], axis=-1)
    a, b, c = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    d, e, f = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    rows = np.stack(
        [
            np.stack([squares[..., 0], a, b, c], axis=-1),
            np.stack([a, squares[..., 1], d, e], axis=-1),
            np.stack([b, d, squares[..., 2], f], axis=-1),
            np.stack([c, e, f, squares[..., 3]], axis=-1),
        ],
        axis=-2,
    )
    best = np.argmax(squares, axis=-1)
    q = normalise(np.take_along_axis(rows, best[..., None, None], axis=-2)[..., 0, :])
    return np.where(q[..., :1] < 0, -q, q)


def axis_angle_to_matrix(aa: np.ndarray) -> np.ndarray:
    """(..., 3) radians to (..., 3, 3)."""
    return quaternion_to_matrix(axis_angle_to_quaternion(aa))


def matrix_to_axis_angle(m: np.ndarray) -> np.ndarray:
    """(..., 3, 3) to (..., 3) radians, angle in [0, pi]."""
    return quaternion_to_axis_angle(matrix_to_quaternion(m))


def rotation_about(axis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Rotation matrices (..., 3, 3) about unit axes (..., 3) by angles (...)."""
    return axis_angle_to_matrix(np.asarray(axis, dtype=np.float64) * np.asarray(angle, dtype=np.float64)[..., None])


def quaternion_multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Hamilton product (..., 4): the rotation b followed by a."""
    aw, ax, ay, az = np.moveaxis(np.asarray(a, dtype=np.float64), -1, 0)
    bw, bx, by, bz = np.moveaxis(np.asarray(b, dtype=np.float64), -1, 0)
    return np.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        axis=-1,
    )


def quaternion_conjugate(q: np.ndarray) -> np.ndarray:
    """The inverse rotation of a unit quaternion (..., 4)."""
    return np.asarray(q, dtype=np.float64) * np.array([1.0, -1.0, -1.0, -1.0])


def slerp(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Shortest-arc interpolation between unit quaternions (..., 4) at t (...) in [0, 1]."""
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    t = np.asarray(t, dtype=np.float64)[..., None]
    dot = np.sum(a * b, axis=-1, keepdims=True)
    b = np.where(dot < 0, -b, b)
    dot = np.clip(np.abs(dot), 0.0, 1.0)
    theta = np.arccos(dot)
    sin_theta = np.sin(theta)
    near = sin_theta < 1e-6
    safe = np.where(near, 1.0, sin_theta)
    wa = np.where(near, 1.0 - t, np.sin((1.0 - t) * theta) / safe)
    wb = np.where(near, t, np.sin(t * theta) / safe)
    return normalise(wa * a + wb * b)


def continuous_quaternions(q: np.ndarray) -> np.ndarray:
    """The same rotations (T, ..., 4) with signs chosen so that neighbours in time lie on one hemisphere."""
    q = np.array(q, dtype=np.float64)
    flips = np.sum(q[1:] * q[:-1], axis=-1, keepdims=True) < 0
    signs = np.cumprod(np.where(flips, -1.0, 1.0), axis=0)
    q[1:] *= signs
    return q


def matrix_to_rot6d(m: np.ndarray) -> np.ndarray:
    """(..., 3, 3) to (..., 6): first column, then second column."""
    m = np.asarray(m)
    return np.concatenate([m[..., :, 0], m[..., :, 1]], axis=-1)


def rot6d_to_matrix(d6: np.ndarray) -> np.ndarray:
    """(..., 6) to (..., 3, 3) by Gram-Schmidt; the inverse of `matrix_to_rot6d`. A zero input gives the identity."""
    d6 = np.asarray(d6, dtype=np.float64)
    x = normalise(d6[..., :3], fallback=np.array([1.0, 0.0, 0.0]))
    y = d6[..., 3:] - np.sum(x * d6[..., 3:], axis=-1, keepdims=True) * x
    degenerate = np.sum(y * y, axis=-1, keepdims=True) < 1e-16
    y = normalise(np.where(degenerate, perpendicular(x), y))
    return np.stack([x, y, np.cross(x, y)], axis=-1)


def perpendicular(v: np.ndarray) -> np.ndarray:
    """Some unit vector (..., 3) at a right angle to v (..., 3); for v = +X it is +Y."""
    v = np.asarray(v, dtype=np.float64)
    helper = np.where(np.abs(v[..., 1:2]) < 0.9 * np.sqrt(np.sum(v * v, axis=-1, keepdims=True)) + _TINY, [0.0, 1.0, 0.0], [0.0, 0.0, 1.0])
    w = helper - np.sum(helper * v, axis=-1, keepdims=True) * v / np.maximum(np.sum(v * v, axis=-1, keepdims=True), _TINY)
    return normalise(w)


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cross product (..., 3); `numpy.cross` spends several times as long on moving axes about."""
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=-1)


def rotation_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The smallest rotation (..., 3, 3) that turns direction a (..., 3) onto direction b (..., 3), opposite directions included."""
    a, b = np.broadcast_arrays(normalise(a), normalise(b))
    v = cross(a, b)
    cos = np.sum(a * b, axis=-1)
    # R = cos I + [v]x + v v^T / (1 + cos), which loses its footing only near opposite directions
    scale = 1.0 / np.maximum(1.0 + cos, 1e-3)
    x, y, z = v[..., 0], v[..., 1], v[..., 2]
    m = v[..., :, None] * v[..., None, :] * scale[..., None, None]
    m[..., 0, 0] += cos
    m[..., 1, 1] += cos
    m[..., 2, 2] += cos
    m[..., 0, 1] -= z
    m[..., 1, 0] += z
    m[..., 0, 2] += y
    m[..., 2, 0] -= y
    m[..., 1, 2] -= x
    m[..., 2, 1] += x
    opposite = cos < -0.99
    if np.any(opposite):
        flat = m.reshape(-1, 3, 3)
        for i in np.flatnonzero(opposite):
            p, q = a.reshape(-1, 3)[i], b.reshape(-1, 3)[i]
            w = cross(p, q)
            sin = float(np.sqrt(w @ w))
            axis = normalise(w) if sin > 1e-9 else perpendicular(p)
            flat[i] = rotation_about(axis, np.arctan2(sin, float(p @ q)))
        m = flat.reshape(m.shape)
    return m


def geodesic_angle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Angle in radians (...) between rotation matrices (..., 3, 3); exact near 0 and near pi."""
    relative = np.einsum("...ji,...jk->...ik", np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64))
    q = matrix_to_quaternion(relative)
    return 2.0 * np.arctan2(np.sqrt(np.sum(q[..., 1:] ** 2, axis=-1)), np.abs(q[..., 0]))


def twist_angle(m: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Signed angle (...) in (-pi, pi] of the twist of rotations (..., 3, 3) about unit axes (..., 3) (swing-twist decomposition)."""
    q = matrix_to_quaternion(m)
    along = np.sum(q[..., 1:] * np.asarray(axis, dtype=np.float64), axis=-1)
    angle = 2.0 * np.arctan2(along, q[..., 0])
    return (angle + np.pi) % (2.0 * np.pi) - np.pi
