"""Instance optimisation of the wavelet coefficients of a displacement or velocity field, coarse to fine.

The paper's parametrisation (WiNet, arXiv:2407.13426: coefficients per scale, assembled by a parameter-free IDWT) with
the pair's own images in place of a training set. A stage works on images shrunk by a power of two; its field lives one
octave coarser still, is exponentiated there, and only the displacement is brought up to the image grid. Each stage opens
one more level of detail coefficients and goes on optimising the coarser ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from vision_cli.register import fields
from vision_cli.register.losses import Metric, Similarity, build_similarity, gradient_penalty
from vision_cli.register.wavelets import WaveletPyramid, apply_per_axis

DeformableKind = Literal["displacement", "diffeo"]


@dataclass(frozen=True)
class Settings:
    """What the optimiser is told; the defaults are the task's.

    Attributes
    ----------
    kind
        ``"diffeo"``: the coefficients are of a stationary velocity field; ``"displacement"``: of the displacement.
    metric
        Image term.
    regularisation
        Weight of :func:`~vision_cli.register.losses.gradient_penalty`.
    wavelet
        PyWavelets name of the synthesis wavelet.
    iterations
        Iterations a stage, coarsest stage first; the last stage works at full resolution.
    windows
        LNCC window a stage, in voxels of the stage.
    step
        Length of a step in field voxels for coefficients of the stage's finest image, see ``step_decay``.
    step_decay
        Factor on the step for each finer level of coefficients.
    """

    kind: DeformableKind = "diffeo"
    metric: Metric = "lncc"
    regularisation: float = 2.0
    wavelet: str = "bior2.2"
    iterations: tuple[int, ...] = (60, 50, 25, 8)
    windows: tuple[int, ...] = (5, 5, 5, 9)
    step: float = 0.2
    step_decay: float = 0.5
    momentum: float = 0.9
    second_moment: float = 0.95
    squarings: int = 6
    octave: int = 1
    blur: float = 0.5
    eps: float = 1e-5


def dev():
    pass
