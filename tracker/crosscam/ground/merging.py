"""Two tracks on one spot that never share a camera are one person, found twice."""

import numpy as np

from tracker.crosscam.ground.config import GroundConfig
from tracker.crosscam.ground.gaussian import log_density
from tracker.crosscam.ground.tracks import GroundTracks

NEAR_METRES = 2.0
MIN_STEPS = 2


def find_duplicates(tracks: GroundTracks, config: GroundConfig) -> list[tuple[int, int]]:
    """(kept, gone) rows; the older track is kept and no row is in two pairs."""
    xy = tracks.mean[:, :2]
    distance = np.linalg.norm(xy[:, None] - xy[None], axis=2)
    a, b = np.nonzero(np.triu(distance < NEAR_METRES, 1))
    offset = tracks.past_xy[a] - tracks.past_xy[b]
    both = np.asarray(np.isfinite(offset).all(axis=2))
    spread = tracks.past_covariance[a] + tracks.past_covariance[b] + np.eye(2) * config.merge_noise_metres**2
    density, _ = log_density(np.where(both[..., None], offset, 0), spread)
    steps = both.sum(axis=1)
    mean_density = (density * both).sum(axis=1) / np.maximum(steps, 1)
    hits_a, hits_b = tracks.past_hits[a] & both[..., None], tracks.past_hits[b] & both[..., None]
    shared = (hits_a & hits_b).sum(axis=(1, 2))
    fewer = np.minimum(hits_a.sum(axis=(1, 2)), hits_b.sum(axis=(1, 2)))
    one = (
        (steps >= MIN_STEPS)
        & (mean_density > np.log(config.merge_per_square_metre))
        & (shared <= config.merge_overlap * fewer)
    )
    pairs: list[tuple[int, int]] = []
    for i, j in zip(a[one].tolist(), b[one].tolist(), strict=True):
        if not any(row in pair for pair in pairs for row in (i, j)):
            pairs.append((i, j) if tracks.ids[i] < tracks.ids[j] else (j, i))
    return pairs


def merge(tracks: GroundTracks, kept: int, gone: int) -> None:
    """Everything that row `gone` knows goes to row `kept`; the caller drops `gone`."""
    inverse_kept, inverse_gone = np.linalg.inv(tracks.covariance[[kept, gone]])
    covariance = np.linalg.inv(inverse_kept + inverse_gone)
    tracks.mean[kept] = covariance @ (inverse_kept @ tracks.mean[kept] + inverse_gone @ tracks.mean[gone])
    tracks.covariance[kept] = (covariance + covariance.T) / 2
    tracks.looks[kept] += tracks.looks[gone]
    tracks.log_odds[kept] = tracks.log_odds[[kept, gone]].max()
    tracks.seen_seconds[kept] = tracks.seen_seconds[[kept, gone]].max()
    tracks.confirmed[kept] |= tracks.confirmed[gone]
    tracks.boxes[kept] = np.where(tracks.boxes[kept] >= 0, tracks.boxes[kept], tracks.boxes[gone])
