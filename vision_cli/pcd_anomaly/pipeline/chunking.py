"""Memory that scoring a scan takes, estimated in advance, and chunk sizes that keep within a limit."""

from __future__ import annotations

from pathlib import Path

from vision_cli.core.compute.devices import available_memory
from vision_cli.core.errors import ResourceError
from vision_cli.pcd_anomaly.scoring.bank import BYTES_AN_ENTRY, ROWS_AT_ONCE

_BASE = 1.5e9
_A_POINT = 300.0
"""Bytes for libraries, a model and the search of a pose, and bytes per point of the scan; measured."""

_FEWEST_ROWS = 64


def require_points_room(limit: float | None, name: object, n_points: int) -> None:
    """Refuse points whose registration or training would exceed the memory.

    Parameters
    ----------
    limit
        Bytes that the process may take; None for the available memory.
    name, n_points
        What the points are, for the message, and their number.

    Raises
    ------
    ResourceError
        If they would.
    """
    _require(limit, name, n_points, 0.0)


def rows_within(limit: float | None, path: Path, n_points: int, bank: int) -> int:
    """Return the number of groups to compare with the bank at once, so that a scan stays within memory.

    Parameters
    ----------
    limit
        Bytes that the process may take; None for the available memory.
    path, n_points
        File and number of points of the scan.
    bank
        Number of entries of the memory bank.

    Raises
    ------
    ResourceError
        If the scan would exceed the limit with the smallest chunks.
    """
    free = _require(limit, path, n_points, _FEWEST_ROWS * BYTES_AN_ENTRY * bank)
    return min(_FEWEST_ROWS + int(free // (BYTES_AN_ENTRY * bank)), ROWS_AT_ONCE)


def _require(limit: float | None, name: object, n_points: int, more: float) -> float:
    """Return the memory left beside ``n_points`` points and ``more`` bytes; refuse them if there is none."""
    needed = _BASE + _A_POINT * n_points + more
    # Available memory does not include what libraries and model already occupy.
    allowed = available_memory() + _BASE if limit is None else limit
    if needed > allowed:
        raise ResourceError(
            f"{name}: {n_points:,} points take about {needed / 1e9:.1f} GB; {allowed / 1e9:.1f} GB are allowed.",
            hint="Give more with --max-memory, or thin the scan out.",
        )
    return allowed - needed
