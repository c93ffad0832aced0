"""Size of a scan beside that of the part: the one check of all verbs, and the unit that would explain a difference."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.pcd_anomaly.surfaces.geometry import Points, diameter

_RATIOS = (0.2, 3.0)
"""Least and largest diameter of a scan, as multiples of that of the part."""

_PAIRS = (
    ("m", "mm", 1000.0),
    ("cm", "mm", 10.0),
    ("m", "cm", 100.0),
    ("inches", "mm", 25.4),
    ("feet", "m", 0.3048),
    ("feet", "mm", 304.8),
    ("m", "inches", 1 / 0.0254),
    ("feet", "inches", 12.0),
    ("mm", "µm", 1000.0),
)
"""Units of one and another and the factor between them, the usual ones first."""

_EXPLAINED, _TYPICAL = (0.55, 1.15), 0.9
"""Sizes, as multiples of that of the part, that a change of unit must lead to; a one-sided scan is smaller."""

_MOST_PROPOSED = 2


@dataclass(frozen=True)
class UnitChange:
    """A factor on coordinates that a change of unit explains."""

    factor: float
    source: str
    target: str

    def __str__(self) -> str:
        """Return the option and its meaning."""
        return f"--unit {self.factor:.6g} ({self.source} to {self.target})"


def explaining_units(found: float, size: float) -> tuple[UnitChange, ...]:
    """Return the changes of unit that bring a scan of diameter ``found`` to a part of diameter ``size``.

    At most two, the one first that brings it nearest to the usual size of a one-sided scan. Inches, feet and metric
    units are known; of several that have one factor the most usual is named.
    """
    changes = [
        UnitChange(factor, *names)
        for one, other, forth in _PAIRS
        for factor, names in ((forth, (one, other)), (1 / forth, (other, one)))
    ]
    likely: list[UnitChange] = []
    for change in changes:
        is_new = all(not math.isclose(change.factor, known.factor) for known in likely)
        if is_new and _EXPLAINED[0] <= found * change.factor / size <= _EXPLAINED[1]:
            likely.append(change)
    likely.sort(key=lambda change: abs(math.log(found * change.factor / size / _TYPICAL)))
    return tuple(likely[:_MOST_PROPOSED])


def require_same_size(points: Points, size: float) -> None:
    """Refuse a scan whose size cannot be that of the part, before any memory is taken that depends on it.

    Parameters
    ----------
    points
        Finite points of the scan about its median, ``(N, 3)``.
    size
        Diameter of the part.

    Raises
    ------
    InputError
        If the diameter is not between a fifth and three times that of the part; the message proposes the unit.
    """
    # Distant specks must not pass for another unit.
    found = diameter(points[_robust_rows(points)])
    if _RATIOS[0] < found / max(size, 1e-300) < _RATIOS[1]:
        return
    changes = explaining_units(found, size)
    proposed = f"; {' or '.join(map(str, changes))} would bring it there" if changes else ""
    raise InputError(
        f"a scan {found:.4g} across, the part {size:.4g}; the same unit expected{proposed}.",
        hint=(
            f"If the unit differs, give --unit {changes[0].factor:.6g} to multiply the scan by."
            if changes
            else "No usual unit explains the difference; is it a scan of this part, and are these its coordinates?"
        ),
    )


def _robust_rows(points: Points) -> NDArray[np.bool_]:
    distance = np.linalg.norm(points, axis=1)
    return np.asarray(distance <= 4 * np.median(distance) + 1e-12)
