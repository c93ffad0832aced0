"""How often `vcli pcd-anomaly` finds the pose of a one-sided scan, and whether it knows when it did not.

    uv run python tests/bench/pcd_registration.py -o poses --suite rigid --parts 8 --scans 18 --points 25000 --seed 1

Makes a suite of parts with known poses, fuses the prototypes of each, registers every test scan, and prints a line a
part: how many poses lie within 0.0125 of the diameter (RMSE over the scan's points) of the true one, how many of the
others are called weak or failed, and how many right ones are. Beside them stands the stock recipe of Reg3D-AD's code
(FPFH, RANSAC over mutual matches), followed by point-to-plane ICP. Every scan is a row of poses.csv.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vision_cli.io.points.clouds import import_open3d, read_points
from vision_cli.pcd_anomaly.data.scans import read_true_scans
from vision_cli.pcd_anomaly.data.synthesis import write_dataset
from vision_cli.pcd_anomaly.model.prototypes import build_reference
from vision_cli.pcd_anomaly.options import Recipe
from vision_cli.pcd_anomaly.pipeline.pipeline import register_scan
from vision_cli.pcd_anomaly.scoring.reference import Reference
from vision_cli.pcd_anomaly.surfaces.geometry import Points, Pose, canonical_order, invert, make_pose, transform

RIGHT = 0.0125
"""A pose is right within this share of the part's diameter."""

COLUMNS = ("part", "scan", "error", "stock_error", "status", "quality", "margin", "hold", "cpu_s")


@dataclass(frozen=True)
class Row:
    """One registered scan; errors are shares of the diameter."""

    part: str
    scan: str
    error: float
    stock_error: float
    status: str
    quality: float
    margin: float
    hold: float
    cpu_s: float

    @property
    def is_right(self) -> bool:
        """Whether the pose is the true one."""
        return self.error <= RIGHT


def shifted(points: Points) -> tuple[Points, Pose]:
    """Put the origin into a cloud, in canonical order; give the cloud and the pose back to its own coordinates."""
    ordered = points[canonical_order(points)]
    middle = np.median(ordered, axis=0)
    return ordered - middle, make_pose(np.eye(3), middle)


def error_of(pose: Pose, true: Pose, points: Points, size: float) -> float:
    """RMSE of the points at a pose and at the true one, as a share of ``size``."""
    gap = transform(pose, points) - transform(true, points)
    return float(np.sqrt((gap**2).sum(axis=1).mean()) / size)


def stock_pose(points: Points, reference: Reference) -> Pose:
    """Register as the code of Reg3D-AD does, lengths as shares of the diameter, and refine by ICP."""
    o3d = import_open3d()
    size = reference.diameter
    pipeline = o3d.pipelines.registration
    o3d.utility.random.seed(0)

    def described(rows: Points) -> tuple[object, object]:
        cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(rows)).voxel_down_sample(size / 80)
        cloud.estimate_normals(o3d.geometry.KDTreeSearchParamHybrid(radius=size / 40, max_nn=30))
        search = o3d.geometry.KDTreeSearchParamHybrid(radius=size / 16, max_nn=100)
        return cloud, pipeline.compute_fpfh_feature(cloud, search)

    (scan, scan_features), (part, part_features) = described(points), described(reference.level.surface.points)
    reach = 0.75 * size / 40
    found = pipeline.registration_ransac_based_on_feature_matching(
        scan,
        part,
        scan_features,
        part_features,
        True,
        reach,
        pipeline.TransformationEstimationPointToPoint(False),
        3,
        [
            pipeline.CorrespondenceCheckerBasedOnEdgeLength(0.9),
            pipeline.CorrespondenceCheckerBasedOnDistance(reach),
        ],
        pipeline.RANSACConvergenceCriteria(100_000, 0.999),
    )
    plane = pipeline.TransformationEstimationPointToPlane()
    return np.asarray(pipeline.registration_icp(scan, part, reach, found.transformation, plane).transformation)


def measure(folder: Path, part: str, seed: int) -> list[Row]:
    """Register every test scan of a part."""
    known = read_true_scans(folder)
    prototypes = [shifted(read_points(path).points) for path in sorted((folder / part / "train").glob("*.pcd"))]
    names = sorted(path.stem for path in (folder / part / "train").glob("*.pcd"))
    reference = build_reference([points for points, _ in prototypes], np.random.default_rng(seed))
    # The reference lies where the first prototype does.
    to_reference = invert(known[(part, "train", names[0])].scan_to_part @ prototypes[0][1])
    rows = []
    for path in sorted((folder / part / "test").glob("*.pcd")):
        points, back = shifted(read_points(path).points)
        true = to_reference @ known[(part, "test", path.stem)].scan_to_part @ back
        clock = time.process_time()
        found = register_scan(points, reference, seed, "auto", np.eye(4))
        seconds = time.process_time() - clock
        size = reference.diameter
        rows.append(
            Row(
                part,
                path.stem,
                error_of(found.pose, true, points, size),
                error_of(stock_pose(points, reference), true, points, size),
                found.status,
                found.verification.quality,
                found.margin,
                found.slide_loss,
                seconds,
            )
        )
    return rows


def line(name: str, rows: Sequence[Row]) -> str:
    """Sum rows up as a line of the table."""
    wrong = [row for row in rows if not row.is_right]
    flagged = sum(row.status != "ok" for row in wrong)
    refused = sum(row.is_right and row.status != "ok" for row in rows)
    stock = sum(row.stock_error <= RIGHT for row in rows)
    middle = np.median([row.error for row in rows])
    seconds = np.mean([row.cpu_s for row in rows])
    right = len(rows) - len(wrong)
    return (
        f"{name:>9}  {len(rows):5d}  {right:5d}  {stock:5d}  {middle:8.4f}  {len(wrong):5d}  {flagged:7d}  "
        f"{refused:7d}  {seconds:6.2f}"
    )


def main() -> None:
    """Make, register, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--suite", default="rigid")
    parser.add_argument("--parts", type=int, default=8)
    parser.add_argument("--scans", type=int, default=18, help="a part; a third of them good")
    parser.add_argument("--points", type=int, default=25_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    good = given.scans // 3
    recipe = Recipe(given.parts, given.points, given.suite, given.seed, good=good, defective=given.scans - good)
    write_dataset(given.out, recipe)
    print("     part  scans  right  stock     error  wrong  flagged  refused   cpu-s", flush=True)
    rows: list[Row] = []
    for part in sorted(path.name for path in given.out.iterdir() if (path / "test").is_dir()):
        rows += measure(given.out, part, given.seed)
        print(line(part, [row for row in rows if row.part == part]), flush=True)
    print(line("all", rows))
    with (given.out / "poses.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([getattr(row, name) for name in COLUMNS] for row in rows)
    wrong = [row for row in rows if not row.is_right]
    print(f"right: {1 - len(wrong) / len(rows):.3f} of {len(rows)} scans (0.95 required)")
    if wrong:
        print(f"flagged: {np.mean([row.status != 'ok' for row in wrong]):.3f} of {len(wrong)} wrong (0.95 required)")
    print(f"refused: {np.mean([row.is_right and row.status != 'ok' for row in rows]):.3f} of the scans though right")


if __name__ == "__main__":
    main()
