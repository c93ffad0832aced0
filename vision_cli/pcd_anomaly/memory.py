"""How much memory a scan takes, said before it is taken."""

from __future__ import annotations

from pathlib import Path

from vision_cli.core.devices import available_memory
from vision_cli.core.errors import ResourceError
from vision_cli.pcd_anomaly.learning import Model

_BASE = 0.7e9
_A_POINT = 300.0
"""Measured on scans of up to 5 million points: what libraries and a model take, and bytes a point."""


def memory_needed(n_points: int, model: Model) -> float:
    """Return about how many bytes scoring a scan of ``n_points`` takes, libraries included."""
    return _BASE + _A_POINT * n_points


def require_memory_for(path: Path, n_points: int, model: Model, limit: float | None) -> None:
    """Refuse a scan that would take more memory than there is, or than ``--max-memory`` allows.

    Raises
    ------
    ResourceError
        If it would.
    """
    needed = memory_needed(n_points, model)
    allowed = available_memory() if limit is None else limit
    if needed > allowed:
        raise ResourceError(
            f"{path}: {n_points:,} points take about {needed / 1e9:.1f} GB; {allowed / 1e9:.1f} GB are allowed.",
            hint="Give more with --max-memory, or thin the scan out.",
        )
