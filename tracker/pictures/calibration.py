"""How alike one person's looks are, and how alike those of different people: the calibration as a picture."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tracker.crosscam.calibration import Calibration, Normal, Populations
from tracker.errors import OmnitrackError

SAME, DIFFERENT, MIXED, INK = "#1a7f5a", "#c0392b", "#9aa3ad", "#20242a"
BINS = [number / 25 for number in range(-25, 26)]


def draw_likeness(
    cosines: Populations, calibration: Calibration, shared: tuple[int, float], path: Path, title: str
) -> None:
    """Write a PNG of the two populations, their fitted curves, the accepted false matches (shaded) and the threshold.

    shared: a number of people, and the threshold where so many are known, each of them with its share of the false
    matches. Raises OmnitrackError when the file cannot be written.
    """
    figure = Figure(figsize=(9, 5.6), layout="constrained")
    axes = figure.add_subplot()
    at = np.linspace(-1, 1, 801)
    for values, fit, colour, label in (
        (cosines.different, calibration.different, DIFFERENT, "different people (in one camera at one instant)"),
        (cosines.same, calibration.same, SAME, "one person (earlier and later looks of a track)"),
    ):
        if len(values):
            axes.hist(values, BINS, density=True, color=colour, alpha=0.4, label=f"{label}, {len(values)} pairs")
        axes.plot(at, _density(fit, at), color=colour, linewidth=1.8)
    if len(cosines.mixed):
        label = f"any tracks of two cameras, {len(cosines.mixed)} pairs"
        axes.hist(cosines.mixed, BINS, density=True, histtype="step", color=MIXED, label=label)
    beyond = at[at >= calibration.threshold]
    wrong = _density(calibration.different, beyond)
    axes.fill_between(beyond, wrong, color=DIFFERENT, alpha=0.6, linewidth=0, label="false matches that are accepted")
    one = f"threshold with one person known: {calibration.threshold:.2f}"
    axes.axvline(calibration.threshold, color=INK, linestyle="--", linewidth=1.4, label=one)
    people, stricter = shared
    axes.axvline(stricter, color=INK, linestyle=":", linewidth=1.4, label=f"with {people} people known: {stricter:.2f}")
    axes.set(
        xlim=_limits(cosines, calibration), xlabel="cosine of the looks, without what all people of a camera share"
    )
    axes.set(ylabel="density", title=title)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, fontsize="small", loc="outside lower center", ncols=2)
    try:
        figure.savefig(path, format="png", dpi=120)
    except OSError as error:
        raise OmnitrackError(f"{path}: cannot be written: {error.strerror}") from error


def _density(fit: Normal, at: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.exp(-((at - fit.mean) ** 2) / (2 * fit.variance)) / np.sqrt(2 * np.pi * fit.variance))


def _limits(cosines: Populations, calibration: Calibration) -> tuple[float, float]:
    """From the lowest cosine, or three deviations below the strangers, up to 1."""
    lowest = min([float(values.min()) for values in (cosines.different, cosines.same) if len(values)], default=0.0)
    return max(-1.0, min(lowest, calibration.different.mean - 3 * calibration.different.variance**0.5) - 0.05), 1.0
