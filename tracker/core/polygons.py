"""Plane geometry over arrays: points in polygons, distances to lines, paths that cross segments."""

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Corners = tuple[tuple[float, float], ...]

LEAST_AREA = 1e-5
"""Of a polygon in fractions of the picture: a square of 2 x 2 pixels in 640 x 480."""


def inside(points_xy: Points, polygon_xy: Points) -> NDArray[np.bool_]:
    """(n, 2) points, (m, 2) corners, one frame of reference -> (n,) bool, by the even-odd rule (ray to the right).

    A point on an edge may count as either.
    """
    (x1, y1), (x2, y2) = polygon_xy.T, np.roll(polygon_xy, -1, axis=0).T
    x, y = points_xy[:, 0:1], points_xy[:, 1:2]
    spans = (y1 > y) != (y2 > y)  # (n, m): edges that the ray's height meets
    rise = np.where(y2 == y1, 1.0, y2 - y1)
    crossing_x = x1 + (y - y1) * (x2 - x1) / rise
    return np.asarray((spans & (x < crossing_x)).sum(axis=1) % 2 == 1)


def signed_distances(points_xy: Points, start_xy: Points, end_xy: Points) -> NDArray[np.float64]:
    """(n, 2) points -> (n,) distances from the straight line through start and end, in the points' unit.

    Positive to the right of somebody who looks from start to end in a picture (y grows downwards).
    """
    (dx, dy), offset = end_xy - start_xy, points_xy - start_xy
    return np.asarray((dx * offset[:, 1] - dy * offset[:, 0]) / np.hypot(dx, dy))


def segments_meet(a1: Points, a2: Points, b1: Points, b2: Points) -> bool:
    """Whether the segment a1-a2 crosses b1-b2, all (2,); segments of one straight line do not."""
    sides = signed_sides(np.stack([a1, a2]), b1, b2), signed_sides(np.stack([b1, b2]), a1, a2)
    return all(side[0] * side[1] <= 0 for side in sides) and any(side.any() for side in sides)


def signed_sides(points_xy: Points, start_xy: Points, end_xy: Points) -> NDArray[np.float64]:
    """(n, 2) points -> (n,) in {-1, 0, 1}: left of, on or right of the line from start to end."""
    (dx, dy), offset = end_xy - start_xy, points_xy - start_xy
    return np.asarray(np.sign(dx * offset[:, 1] - dy * offset[:, 0]))


def area(polygon_xy: Points) -> float:
    """Of (m, 2) corners, by the shoelace formula, in the square of their unit."""
    x, y = polygon_xy.T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def require_polygon(corners: Corners) -> None:
    """Raises ValueError unless the corners, in fractions of the picture, enclose an area and go round it in order."""
    if len(corners) < 3:
        raise ValueError(f"a polygon needs at least 3 corners [x, y], got {len(corners)}")
    require_fractions(corners)
    polygon = np.array(corners, np.float64)
    edges = list(zip(polygon, np.roll(polygon, -1, axis=0), strict=True))
    for first in range(len(edges)):
        for second in range(first + 2, len(edges)):
            neighbours = first == 0 and second == len(edges) - 1
            if not neighbours and segments_meet(*edges[first], *edges[second]):
                raise ValueError(
                    f"the polygon's edges {first + 1} and {second + 1} cross: go round it corner by corner"
                )
    if area(polygon) < LEAST_AREA:
        raise ValueError("the polygon encloses no area: its corners lie on one line or in one place")


def require_fractions(corners: Corners) -> None:
    """Raises ValueError for a point outside of the picture, saying which."""
    for corner in corners:
        if not all(0 <= value <= 1 for value in corner):
            raise ValueError(
                f"the point {list(corner)} lies outside of the picture: coordinates are fractions of its width and "
                "height, from [0, 0] in the upper left to [1, 1] in the lower right"
            )
