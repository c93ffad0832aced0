"""Darkness by a formula: gamma and linear scaling of the encoded picture, without noise.

``I_low = beta * (alpha * I) ** gamma`` with ``alpha ~ U(0.9, 1)``, ``beta ~ U(0.5, 1)``, ``gamma ~ U(1.5, 5)``, drawn
once a picture. It is the synthesis that low-light papers use (Lv et al., "Attention guided low-light image
enhancement", IJCV 2021, eq. 1); arXiv:2409.14461 darkens Caltech-256 by a formula of this kind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vision_cli.enhance_eval.values import Picture


@dataclass(frozen=True)
class PaperDarkness:
    """The three numbers of the formula."""

    alpha: float
    beta: float
    gamma: float


def draw_paper_darkness(rng: np.random.Generator) -> PaperDarkness:
    """Return numbers drawn as the papers draw them."""
    return PaperDarkness(
        alpha=float(rng.uniform(0.9, 1.0)), beta=float(rng.uniform(0.5, 1.0)), gamma=float(rng.uniform(1.5, 5.0))
    )


def darken_by_formula(picture: Picture, darkness: PaperDarkness) -> Picture:
    """Return the darkened picture, rounded to the 8 bits that such data sets are stored with.

    Parameters
    ----------
    picture
        ``(H, W, 3)``, sRGB-encoded: the formula takes pixel values, not light.
    darkness
        Its three numbers.
    """
    dark = darkness.beta * (darkness.alpha * picture) ** np.float32(darkness.gamma)
    return np.asarray(np.rint(255 * dark) / 255, dtype=np.float32)
