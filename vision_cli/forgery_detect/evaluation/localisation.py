"""How well a heat map shows where a face is forged, by the mask of the forgery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.metrics.ranking import auroc

_FORGED = 0.5
"""Share from which a pixel of a blended mask counts as forged."""

_SIDE = 112
"""Side at which both are compared, px: a map of 7 x 7 cells has no more to say."""


@dataclass(frozen=True)
class Localisation:
    """Agreement of a heat map with a mask.

    Attributes
    ----------
    pixel_auc
        Area under the ROC curve of the pixels; NaN of a mask that is all forged or all real.
    is_pointed
        Whether the hottest pixel is forged.
    """

    pixel_auc: float
    is_pointed: bool


@dataclass(frozen=True)
class MeanLocalisation:
    """Agreement of a detector's heat maps with the masks of a data set.

    Attributes
    ----------
    faces
        Forged faces with a mask of a part.
    pixel_auc
        Mean over them.
    pointed
        Share of them whose hottest pixel is forged.
    """

    faces: int
    pixel_auc: float
    pointed: float


def mean_of(found: Sequence[Localisation]) -> MeanLocalisation:
    """Return the means over faces, those without a curve aside; NaN of none."""
    known = [one for one in found if np.isfinite(one.pixel_auc)]
    if not known:
        return MeanLocalisation(0, np.nan, np.nan)
    return MeanLocalisation(
        len(known),
        float(np.mean([one.pixel_auc for one in known])),
        float(np.mean([one.is_pointed for one in known])),
    )


def localise(heat: NDArray[np.float32], mask: NDArray[np.float32]) -> Localisation:
    """Compare a heat map with a mask.

    Parameters
    ----------
    heat
        ``(R, C)``, higher where the face looks forged.
    mask
        ``(H, W)`` in 0 to 1, of the same square.
    """
    import cv2

    size = (_SIDE, _SIDE)
    spread = np.asarray(cv2.resize(heat, size, interpolation=cv2.INTER_CUBIC), np.float64)
    is_forged = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA)) >= _FORGED
    hottest = np.unravel_index(int(spread.argmax()), spread.shape)
    return Localisation(auroc(is_forged.ravel().astype(np.int64), spread.ravel()), bool(is_forged[hottest]))
