"""Settings of the joint ground tracker."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class GroundConfig:
    """Metres, seconds, and log odds (natural logarithm).

    Where people stand
    foot_noise: standard deviation of a box's foot point, across in box widths and along in box heights. cut_noise: the
    same where the picture's border cuts the box. base_noise_metres: what remains however near the person is.
    How they move
    acceleration: m/s^2 (one standard deviation). start_speed: m/s, of somebody just found.
    Which box is whose
    clutter_per_square_metre: density of boxes that belong to nobody tracked; a box must be likelier than that.
    birth_per_square_metre: the same between the boxes that begin a track. gate: largest squared Mahalanobis distance.
    appearance_weight: discount of appearance, whose errors repeat from step to step, against position.
    group_appearance_weight: the same when the boxes of one person are judged together. newcomer_per_square_metre:
    density of people who appear; a person's boxes must fit a track better than that, less stay_log_odds where the
    track was seen in the step before.
    appearance_memory: share of the old appearance kept over interval_seconds.
    Does somebody exist: log odds that grow with every camera that has a box for him and fall with every camera that
    should see him and does not; counted per interval_seconds (at most), as neighbouring frames repeat their errors.
    birth_log_odds, hit_log_odds, miss_log_odds; from confirm_log_odds on he counts, below end_log_odds he is gone,
    max_log_odds bounds what the past can say. tentative_seconds, lost_seconds: he is gone when unseen for longer.
    Are two tracks one person: over the last merge_intervals their mean distance must speak for one person with a
    deviation of merge_noise_metres against merge_per_square_metre, and at most the share merge_overlap of their boxes
    may have been in one camera at one instant.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    foot_noise: tuple[float, float] = (0.06, 0.056)
    cut_noise: tuple[float, float] = (0.5, 0.3)
    base_noise_metres: float = 0.12
    acceleration: float = 1.0
    start_speed: float = 0.8
    clutter_per_square_metre: float = 0.012
    birth_per_square_metre: float = 0.02
    gate: float = 20.0
    appearance_weight: float = 0.35
    group_appearance_weight: float = 0.7
    newcomer_per_square_metre: float = 0.01
    stay_log_odds: float = 3.0
    appearance_memory: float = 0.9
    interval_seconds: float = 0.5
    birth_log_odds: float = -2.0
    hit_log_odds: float = 1.75
    miss_log_odds: float = -1.4
    confirm_log_odds: float = 3.0
    end_log_odds: float = -4.0
    max_log_odds: float = 8.0
    tentative_seconds: float = 0.6
    lost_seconds: float = 3.0
    merge_intervals: int = 6
    merge_noise_metres: float = 0.25
    merge_per_square_metre: float = 0.1
    merge_overlap: float = 0.4

    def __post_init__(self) -> None:
        for name in (
            "clutter_per_square_metre",
            "birth_per_square_metre",
            "newcomer_per_square_metre",
            "merge_per_square_metre",
            "gate",
        ):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")
        for name in ("base_noise_metres", "acceleration", "start_speed", "interval_seconds", "merge_noise_metres"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")
        for name in ("appearance_memory", "merge_overlap"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in [0, 1], got {getattr(self, name)}")
        for name in (
            "appearance_weight",
            "group_appearance_weight",
            "stay_log_odds",
            "tentative_seconds",
            "lost_seconds",
        ):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if self.merge_intervals < 2:
            raise ValueError(f"merge_intervals must be at least 2, got {self.merge_intervals}")
        if not self.end_log_odds < self.confirm_log_odds <= self.max_log_odds:
            raise ValueError("end_log_odds < confirm_log_odds <= max_log_odds must hold")
