"""Where readers look by finding: weights of twelve regions of the chest, and the densities that follow from them.

The weights are aggregates of a public gaze set, the training part of GazeSearch (3870 scan paths, WACV 2025): shares of
its fixations by region and finding, in percent, shrunk towards the whole by 100 pseudo-fixations. They are statistics
of real gaze; no recording is among them. Regions are Gaussians in the frame of the lungs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.phantoms.arrays import Floats
from vision_cli.phantoms.chests.values import LungBox

_Doubles = NDArray[np.float64]

REGIONS = (
    "right upper",
    "right hilar",
    "right lower",
    "right costophrenic",
    "left upper",
    "left hilar",
    "left lower",
    "left costophrenic",
    "superior mediastinum",
    "carina",
    "heart",
    "subdiaphragm",
    "wander",
)
"""Names of the regions; the last is uniform over the film."""

_SHAPES = (
    (0.27, 0.21, 0.12, 0.13),
    (0.33, 0.42, 0.13, 0.11),
    (0.20, 0.65, 0.10, 0.16),
    (0.07, 0.86, 0.07, 0.14),
    (0.73, 0.21, 0.12, 0.13),
    (0.67, 0.42, 0.13, 0.11),
    (0.80, 0.65, 0.10, 0.16),
    (0.93, 0.86, 0.07, 0.14),
    (0.49, 0.16, 0.14, 0.12),
    (0.50, 0.38, 0.08, 0.13),
    (0.55, 0.62, 0.16, 0.12),
    (0.55, 0.95, 0.11, 0.12),
)
"""Mean u and v, sd of u and v."""

GLOBAL = "global"

_PERCENT: dict[str, tuple[int, ...]] = {
    GLOBAL: (5, 9, 16, 3, 6, 10, 19, 5, 7, 4, 14, 1, 1),
    "atelectasis": (5, 8, 18, 3, 6, 12, 22, 6, 9, 2, 8, 1, 0),
    "cardiomegaly": (3, 7, 13, 2, 5, 14, 19, 4, 3, 8, 22, 0, 1),
    "consolidation": (5, 8, 20, 6, 6, 10, 23, 6, 5, 2, 9, 1, 1),
    "edema": (4, 9, 21, 4, 3, 14, 22, 6, 3, 2, 9, 1, 2),
    "enlarged cardiomediastinum": (6, 13, 13, 2, 5, 12, 13, 2, 9, 12, 12, 1, 1),
    "fracture": (10, 7, 14, 2, 19, 8, 17, 5, 5, 2, 7, 1, 4),
    "lung lesion": (10, 9, 22, 3, 8, 10, 15, 3, 6, 2, 10, 1, 1),
    "lung opacity": (7, 10, 20, 3, 7, 11, 20, 7, 5, 1, 9, 0, 0),
    "pleural effusion": (6, 6, 21, 5, 7, 7, 22, 7, 5, 2, 12, 1, 1),
    "pleural other": (7, 9, 14, 2, 11, 12, 14, 3, 10, 5, 11, 1, 2),
    "pneumonia": (5, 17, 21, 2, 4, 15, 16, 4, 3, 2, 10, 1, 1),
    "pneumothorax": (12, 10, 17, 1, 7, 7, 18, 3, 12, 3, 10, 1, 1),
    "support devices": (3, 7, 9, 0, 5, 5, 12, 2, 12, 12, 21, 6, 4),
}

_CENTRE = np.isin(REGIONS, ("right hilar", "left hilar", "carina", "heart"))
_PERIPHERY = np.isin(REGIONS, ("right upper", "left upper", "superior mediastinum", "wander"))
_CENTRE_DRIFT, _PERIPHERY_DRIFT = (1.17, 0.61), (0.80, 1.55)
"""Factors of the weights of both groups, for the first and the last step of a path.

Readers go from 43 to 29 % in the centre and from 17 to 27 % in the periphery. Most steps are drawn near the last point:
they gather in the centre and follow late, so less of it is asked than is to come about.
"""

_COSTOPHRENIC = np.isin(REGIONS, ("right costophrenic", "left costophrenic"))
NEGATED_EFFUSION = 0.25
"""Share of gaze on both costophrenic angles, beyond the table, for a sentence that denies an effusion. Assumed."""

PULL = 0.6
"""Share of gaze on the finding where the sentence names its side or zone."""

SPOT_SD = 0.09
"""Sd of the gaze around a spot of a finding, frame of the lungs."""


@dataclass(frozen=True)
class GazeMixture:
    """A density of gaze: Gaussians and a uniform share, cut at the edges of the film.

    Attributes
    ----------
    weights
        ``(13,)`` shares of the `REGIONS`, the uniform one last; they sum to 1.
    means, sds
        ``(12, 2)`` of the regions that are Gaussians, unit frame.
    spots
        ``(K, 2)`` places that the gaze is pulled to, unit frame; they share `PULL` evenly.
    spot_sd
        ``(2,)`` around a spot.
    mirror
        x of the mid-line between the lungs.
    """

    weights: _Doubles
    means: _Doubles
    sds: _Doubles
    spots: _Doubles
    spot_sd: _Doubles
    mirror: float

    @property
    def pull(self) -> float:
        """Share of gaze on the spots."""
        return PULL if len(self.spots) else 0.0

    def step_weights(self, time: float) -> _Doubles:
        """Return the weights that a step is drawn with, at a time from 0, the first fixation, to 1, the last.

        The centre of the chest loses gaze with time, the apices and the rest of the film gain it.
        """
        weights = self.weights.copy()
        weights[_CENTRE] *= np.interp(time, (0, 1), _CENTRE_DRIFT)
        weights[_PERIPHERY] *= np.interp(time, (0, 1), _PERIPHERY_DRIFT)
        rest = ~(_CENTRE | _PERIPHERY)
        weights[rest] *= (1 - weights[~rest].sum()) / weights[rest].sum()
        return weights

    def on_grid(self, side: int) -> Floats:
        """Return the density at the pixels of a film, ``(side, side)`` float32 of sum 1."""
        at = (np.arange(side) + 0.5) / side
        density = _gaussians(self.means, self.sds, self.weights[:-1], at) + self.weights[-1]
        density /= density.sum()
        if len(self.spots):
            shares = np.full(len(self.spots), 1 / len(self.spots))
            spots = _gaussians(self.spots, np.tile(self.spot_sd, (len(self.spots), 1)), shares, at)
            total = spots.sum()
            if total > 0:
                density = (1 - PULL) * density + PULL * spots / total
        return np.asarray(density, np.float32)


def region_weights(finding: str | None, *, is_negated: bool = False) -> _Doubles:
    """Return the shares of the `REGIONS` for a finding, ``(13,)`` of sum 1.

    Parameters
    ----------
    finding
        One of the findings; None for a search without a question.
    is_negated
        The sentence denies it: readers check both angles broadly before they deny an effusion.

    Raises
    ------
    KeyError
        If the finding is unknown.
    """
    percent = np.array(_PERCENT[GLOBAL if finding is None else finding], np.float64)
    weights: _Doubles = percent / percent.sum()
    if is_negated and finding == "pleural effusion":
        weights = (1 - NEGATED_EFFUSION) * weights + NEGATED_EFFUSION * _COSTOPHRENIC / _COSTOPHRENIC.sum()
    return weights


def gaze_mixture(
    box: LungBox,
    finding: str | None = None,
    *,
    is_negated: bool = False,
    spots: Sequence[tuple[float, float]] = (),
) -> GazeMixture:
    """Return the density of the gaze of a reader.

    Parameters
    ----------
    box
        Of the lungs, unit frame.
    finding
        That the sentence is about; None for none in particular.
    is_negated
        The sentence denies the finding.
    spots
        x and y of the places that a localised sentence points to, unit frame; none for the table alone.
    """
    shapes = np.array(_SHAPES)
    scale = np.array([box.width, box.height])
    return GazeMixture(
        weights=region_weights(finding, is_negated=is_negated),
        means=box.to_unit(shapes[:, :2]).astype(np.float64),
        sds=shapes[:, 2:] * scale,
        spots=np.array(spots, np.float64).reshape(-1, 2),
        spot_sd=SPOT_SD * scale,
        mirror=(box.x0 + box.x1) / 2,
    )


def _gaussians(means: _Doubles, sds: _Doubles, weights: _Doubles, at: _Doubles) -> _Doubles:
    """Return a weighted sum of densities per unit area on the grid of ``at`` times ``at``."""
    across = np.exp(-0.5 * ((at - means[:, :1]) / sds[:, :1]) ** 2) / sds[:, :1]
    down = np.exp(-0.5 * ((at - means[:, 1:]) / sds[:, 1:]) ** 2) / sds[:, 1:]
    density: _Doubles = (down * weights[:, None] / (2 * np.pi)).T @ across
    return density
