"""Checks of a linear alignment against the positions in the headers: large rotations, and left and right swapped."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import NumericalError
from vision_cli.register.transforms.orientation import orientation_of

Matrix = NDArray[np.float64]

_CLEARLY_BETTER = 0.05
"""Relative gain of local correlation from which a mirrored transform is preferred to one that agrees with the headers.

The two sides of a brain are alike: between the two subjects that were tried, the mirrored affine lost 0.6 % (see the
card).
"""


def choose_orientation(
    proper: Matrix, mirrored: Matrix, correlation: Callable[[Matrix], float]
) -> tuple[Matrix, tuple[str, ...]]:
    """Return the better of a proper and a mirroring transform, and notes for the user.

    Parameters
    ----------
    proper, mirrored
        The best transform of each kind, fixed RAS mm -> moving RAS mm.
    correlation
        Local correlation of the images under a transform, at full resolution.

    Notes
    -----
    A proper transform that agrees with the headers is replaced only if the mirrored one is clearly better. If it turns
    the image by more than 45 degrees, a header is wrong anyway and the greater correlation decides.
    """
    own, other = correlation(proper), correlation(mirrored)
    least = own if orientation_of(proper).is_suspicious else (1 + _CLEARLY_BETTER) * own
    is_better = other > least
    note = (
        f"local correlation {other:.4f} with the image mirrored and {own:.4f} without; the "
        f"{'mirrored' if is_better else 'unmirrored'} transform was used"
    )
    if is_better:
        return mirrored, (note,)
    # Far from the fit of the proper transform there is nothing to decide.
    return proper, ((note,) if other > (1 - _CLEARLY_BETTER) * own else ())


def check_orientation(matrix: Matrix, max_rotation_deg: float | None) -> tuple[str, ...]:
    """Return a warning if a linear alignment contradicts the headers.

    Raises
    ------
    NumericalError
        If it turns by more than ``max_rotation_deg``, or mirrors although there is a limit.
    """
    orientation = orientation_of(matrix)
    if max_rotation_deg is not None and (orientation.mirrored or orientation.rotation_deg > max_rotation_deg):
        raise NumericalError(
            f"the affine {orientation.description}; at most {max_rotation_deg:g} degrees and no mirroring expected "
            "(--max-rotation).",
            hint="Check the orientation in both headers; compare with --init search.",
        )
    if orientation.warning is None:
        return ()
    return (f"{orientation.warning}. Check a known side in both images, and compare with --init search",)
