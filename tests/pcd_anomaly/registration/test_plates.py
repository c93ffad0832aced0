"""Scans of a plate, whose poses slid or turned over before: a file of its own, so that another process may run it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from vision_cli.io.points.clouds import read_points
from vision_cli.pcd_anomaly.runs.register import register_files
from vision_cli.pcd_anomaly.surfaces.geometry import diameter, transform

CASES = Path(__file__).resolve().parents[3].parent / "shared" / "cases" / "pcd-anomaly" / "pose_slides_on_plate"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["good1", "sink1", "sink6"])
def test_a_plate_neither_slides_nor_turns_over(name):
    if not CASES.is_dir():
        pytest.skip("no ../shared/cases/pcd-anomaly")
    found = register_files(CASES / f"{name}.ply", CASES / "cad.stl", 0)
    true = np.linalg.inv(json.loads((CASES / "truth.json").read_text())[name]["T"])
    points = read_points(CASES / f"{name}.ply").points
    gap = transform(np.asarray(found["scan_to_reference"]), points) - transform(true, points)
    error = np.sqrt((gap**2).sum(axis=1).mean()) / diameter(points)
    # Seen on its edge, a plate slides within its thickness, and is said to.
    assert error < 1 / 80 or (name == "good1" and error < 1 / 60 and found["status"] == "weak")
