"""Limits of the registration: what a scan must have, and when its pose is trusted."""

from __future__ import annotations

from dataclasses import dataclass

FEWEST_POINTS = 500
"""Fewest finite points of a scan or a view."""

SCAN_SPACING = 1 / 200
"""Spacing of a scan that is registered, as a share of the diameter of the part."""


@dataclass(frozen=True)
class Limits:
    """When a pose is trusted.

    Attributes
    ----------
    ok
        Least quality of a trusted pose.
    failed
        Quality below which a pose is refused; between the two it is weak.
    margin
        Least lead in quality over every other pose that does not differ by a symmetry of the part.
    slide_loss
        Least loss of quality when the scan slides along the surface.
    """

    ok: float = 0.80
    failed: float = 0.60
    margin: float = 0.005
    slide_loss: float = 0.01
