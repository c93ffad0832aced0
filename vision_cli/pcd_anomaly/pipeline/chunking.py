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
    needed = _BASE + _A_POINT * n_points
    # Available memory does not include what libraries and model already occupy.
    allowed = available_memory() + _BASE if limit is None else limit
    rows = int((allowed - needed) // (BYTES_AN_ENTRY * bank))
    if rows < _FEWEST_ROWS:
        needed += _FEWEST_ROWS * BYTES_AN_ENTRY * bank
        raise ResourceError(
            f"{path}: {n_points:,} points take about {needed / 1e9:.1f} GB; {allowed / 1e9:.1f} GB are allowed.",
            hint="Give more with --max-memory, or thin the scan out.",
        )
    return min(rows, ROWS_AT_ONCE)
