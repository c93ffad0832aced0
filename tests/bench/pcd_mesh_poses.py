"""How often `vcli pcd-anomaly` finds the pose of scans of real parts, and whether it knows when it did not.

    uv run python tests/bench/pcd_mesh_poses.py plate.stl bracket.stl --scans 6 --points 25000 --seed 1

Brings each mesh to 40 mm, simulates one-sided scans of it from directions all around, every third one with a defect,
registers them to the mesh, and prints a line a mesh: how many poses lie within 1/80 of the diameter (RMSE over the
scan's points) of the true one or fit at least as well as that, how many of the others are `ok`, and how many of the
right ones are not, for a low quality, for another pose that is as good, or for sliding along the surface. A pose that
fits as well has the quality of the refined true pose, as on parts with a symmetry. `--scans-csv` writes a row a scan.
"""

from __future__ import annotations

import argparse
import csv
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from vision_cli.core.errors import UsageError
from vision_cli.io.points.clouds import Mesh, read_mesh
from vision_cli.pcd_anomaly.evaluation.pose_truth import RIGHT
from vision_cli.pcd_anomaly.registration.limits import SCAN_SPACING, Limits
from vision_cli.pcd_anomaly.registration.registration import place_at, register
from vision_cli.pcd_anomaly.registration.targets import make_target
from vision_cli.pcd_anomaly.surfaces.geometry import canonical_order, diameter, make_pose, transform
from vision_cli.pcd_anomaly.surfaces.sampling import prepare_scan, prototype_points, thin
from vision_cli.phantoms.parts.defects import SUITES, add_defect
from vision_cli.phantoms.parts.scanner import scan

SIZE_MM = 40.0
SUITE = SUITES["rigid"]
DEFECTS = ("bulge", "sink", "missing", "crack")
AS_GOOD = 0.002
"""Difference of quality within which two poses fit equally well."""


@dataclass(frozen=True)
class Found:
    """One registered scan; the error is a share of the diameter."""

    mesh: str
    error: float
    fits_as_well: bool
    status: str
    quality: float
    margin: float
    slide_loss: float
    cpu_s: float

    @property
    def is_right(self) -> bool:
        """Whether the pose is the true one, or one that fits as well."""
        return self.error <= RIGHT or self.fits_as_well


def measure(path: Path, scans: int, points: int, generator: np.random.Generator) -> list[Found]:
    """Register simulated scans of a mesh to it."""
    given = read_mesh(path)
    scale = SIZE_MM / diameter(given.vertices)
    mesh = Mesh((given.vertices - given.vertices.mean(axis=0)) * scale, given.triangles)
    known = prototype_points(mesh, generator)
    order = canonical_order(known.points)
    target = make_target(
        thin(prepare_scan(known.points[order], SCAN_SPACING * SIZE_MM, known.normals[order]), SCAN_SPACING * SIZE_MM)
    )
    found = []
    while len(found) < scans:
        view = generator.standard_normal(3)
        view /= np.linalg.norm(view)
        instance = mesh
        if len(found) % 3 == 2:
            kind = DEFECTS[len(found) // 3 % len(DEFECTS)]
            try:
                instance = add_defect(mesh, kind, SUITE.draw_depth(SIZE_MM, generator), view, generator).mesh
            except UsageError:
                continue
        seen = scan(instance, view, points, generator)
        middle = np.median(seen.points, axis=0)
        rows = seen.points[canonical_order(seen.points)] - middle
        true = seen.pose_true @ make_pose(np.eye(3), middle)
        surface = prepare_scan(rows, SCAN_SPACING * SIZE_MM)
        clock = time.process_time()
        pose = register(surface, target, np.random.default_rng(0))
        seconds = time.process_time() - clock
        gap = transform(pose.pose, rows) - transform(true, rows)
        error = float(np.sqrt((gap**2).sum(axis=1).mean()) / SIZE_MM)
        at_truth = place_at(surface, target, true, refined=True).verification.quality
        quality = pose.verification.quality
        as_well = quality >= at_truth - AS_GOOD
        found.append(Found(path.stem, error, as_well, pose.status, quality, pose.margin, pose.slide_loss, seconds))
    return found


def line(name: str, rows: list[Found]) -> str:
    """Sum rows up as a line of the table."""
    right = [row for row in rows if row.is_right]
    exact = sum(row.error <= RIGHT for row in rows)
    wrong_ok = sum(row.status == "ok" for row in rows if not row.is_right)
    refused = [row for row in right if row.status != "ok"]
    limits = Limits()
    poor = sum(row.quality < limits.ok for row in refused)
    rivals = sum(row.margin < limits.margin for row in refused)
    slides = sum(row.slide_loss < limits.slide_loss for row in refused)
    seconds = np.mean([row.cpu_s for row in rows])
    return (
        f"{name:>20}  {len(rows):5d}  {len(right):5d}  {exact:5d}  {wrong_ok:8d}  {len(refused):6d}  "
        f"{poor:4d}  {rivals:5d}  {slides:5d}  {seconds:5.1f}"
    )


def main() -> None:
    """Measure every mesh."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("meshes", nargs="+", type=Path)
    parser.add_argument("--scans", type=int, default=6)
    parser.add_argument("--points", type=int, default=25_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scans-csv", type=Path, help="file for a row a scan")
    given = parser.parse_args()
    print("                mesh  scans  right  exact  wrong ok  not ok  poor  rival  slide  cpu-s", flush=True)
    rows: list[Found] = []
    for number, path in enumerate(given.meshes):
        rows += measure(path, given.scans, given.points, np.random.default_rng((given.seed, number)))
        print(line(f"{path.parent.name}/{path.stem}"[-20:], rows[-given.scans :]), flush=True)
    print(line("all", rows))
    if given.scans_csv is not None:
        with given.scans_csv.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [field.name for field in fields(Found)])
            writer.writeheader()
            writer.writerows(asdict(row) for row in rows)


if __name__ == "__main__":
    main()
