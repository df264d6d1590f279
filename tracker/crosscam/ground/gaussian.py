"""Two-dimensional Gaussians, many at once."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LOG_TWO_PI = float(np.log(2 * np.pi))


def log_density(offset: Array, covariance: Array) -> tuple[Array, Array]:
    """Log density of N(0, covariance) at offset (..., 2), covariance (..., 2, 2), and squared Mahalanobis distance."""
    terms = covariance[..., 0, 0], covariance[..., 0, 1], covariance[..., 1, 1]
    return log_density_of(offset[..., 0], offset[..., 1], *terms)


def log_density_of(x: Array, y: Array, a: Array, b: Array, d: Array) -> tuple[Array, Array]:
    """As log_density(), of offsets (x, y) and covariances [[a, b], [b, d]] by their terms, which broadcast: of many
    this is quicker where each term lies in one piece.
    """
    determinant = a * d - b * b
    squared = (d * x * x - 2 * b * x * y + a * y * y) / determinant
    return -0.5 * (squared + np.log(determinant)) - LOG_TWO_PI, squared


def inverse(matrices: Array) -> Array:
    """Inverses of symmetric matrices (..., 2, 2), in closed form: many times faster than the general way."""
    a, b, d = matrices[..., 0, 0], matrices[..., 0, 1], matrices[..., 1, 1]
    adjugate = np.empty(matrices.shape)
    adjugate[..., 0, 0], adjugate[..., 1, 1] = d, a
    adjugate[..., 0, 1] = adjugate[..., 1, 0] = -b
    return adjugate / (a * d - b * b)[..., None, None]


def fuse(information: Array, vector: Array) -> tuple[Array, Array]:
    """Mean (..., 2) and covariance (..., 2, 2) from the inverse covariance and its product with the mean."""
    covariance = inverse(information)
    return (covariance @ vector[..., None])[..., 0], covariance
