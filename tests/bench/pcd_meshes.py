"""What `vcli pcd-anomaly` says of scans of real parts whose CAD mesh is the only prototype.

    uv run python tests/bench/pcd_meshes.py rocker-arm.obj fandisk.obj -o meshes --good 4 --points 40000

Brings each mesh to 40 mm, simulates good one-sided scans of it and one with each defect, from directions all around,
trains on the mesh alone, scores the scans by the command, and prints a row a scan: the decision, the verdict on the
pose, and how far the pose is from the true one as a share of the diameter.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vision_cli.core.errors import UsageError
from vision_cli.io.points.clouds import Mesh, read_mesh, write_ply
from vision_cli.pcd_anomaly.evaluation.pose_truth import RIGHT
from vision_cli.pcd_anomaly.surfaces.geometry import Pose, transform
from vision_cli.phantoms.parts.defects import KINDS, SUITES, add_defect
from vision_cli.phantoms.parts.scanner import scan
from vision_cli.phantoms.parts.specimens import Specimen
from vision_cli.phantoms.parts.surfaces import diameter, warped

SIZE_MM = 40.0
SUITE = SUITES["rigid"]
TRIES = 20


def brought_to_size(mesh: Mesh) -> Mesh:
    """Scale a mesh to `SIZE_MM` and centre it."""
    scale = SIZE_MM / diameter(mesh.vertices)
    return Mesh((mesh.vertices - mesh.vertices.mean(axis=0)) * scale, mesh.triangles)


def specimens(mesh: Mesh, good: int, points: int, generator: np.random.Generator) -> Iterator[tuple[str, Specimen]]:
    """Scan good instances of a part, and one with each defect; give them with their names."""
    for number in range(good):
        view = generator.standard_normal(3)
        instance = warped(mesh, SUITE.warp_mm, generator)
        yield f"good{number}", Specimen(scan(instance, view / np.linalg.norm(view), points, generator))
    for kind in KINDS:
        for _ in range(TRIES):
            view = generator.standard_normal(3)
            view /= np.linalg.norm(view)
            try:
                made = add_defect(mesh, kind, SUITE.draw_depth(SIZE_MM, generator), view, generator)
            except UsageError:
                continue
            instance = warped(made.mesh, SUITE.warp_mm, generator)
            yield kind, Specimen(scan(instance, view, points, generator, marks=made.marks), kind)
            break
        else:
            print(f"no view shows a {kind}")


def found_pose(row: dict[str, str]) -> Pose:
    """Give the pose of a row of results.csv, from the scan to the mesh."""
    pose = np.eye(4)
    pose[:3] = [[float(row[f"T{r}{c}"]) for c in range(4)] for r in range(3)]
    return pose


def measure(path: Path, out: Path, good: int, points: int, threads: int, generator: np.random.Generator) -> None:
    """Make scans of a part, have them scored, print a row each and their sum."""
    out.mkdir(parents=True, exist_ok=True)
    mesh = brought_to_size(read_mesh(path))
    cad = out / "cad.ply"
    write_ply(cad, mesh.vertices, triangles=mesh.triangles)
    made = dict(specimens(mesh, good, points, generator))
    for name, one in made.items():
        write_ply(out / f"{name}.ply", one.scan.points)
    scans = [str(out / f"{name}.ply") for name in made]
    common = ["--overwrite", "--quiet", "--threads", str(threads)]
    for words in (
        ["train", "--train", str(cad), "-o", str(out / "model")],
        ["predict", str(out / "model"), *scans, "-o", str(out / "scores")],
    ):
        subprocess.run([sys.executable, "-m", "vision_cli", "pcd-anomaly", *words, *common], check=True)
    with (out / "scores" / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = {Path(row["path"]).stem: row for row in csv.DictReader(file)}
    right_decisions = right_poses = 0
    for name, one in made.items():
        row, seen = rows[name], one.scan
        pose = found_pose(row) if row["T00"] else np.full((4, 4), np.nan)
        gap = transform(pose, seen.points) - transform(seen.pose_true, seen.points)
        error = float(np.sqrt((gap**2).sum(axis=1).mean()) / SIZE_MM)
        expected = "normal" if one.kind is None else "anomalous"
        right_decisions += row["decision"] == expected
        right_poses += error <= RIGHT
        print(f"{path.stem:>14}  {name:>8}  {row['decision']:>12}  {row['reg_status']:>6}  {error:.4f}", flush=True)
    print(f"{path.stem}: {right_decisions} of {len(made)} decisions and {right_poses} of {len(made)} poses right")


def main() -> None:
    """Measure every mesh."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("meshes", nargs="+", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--good", type=int, default=4)
    parser.add_argument("--points", type=int, default=40_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for number, path in enumerate(given.meshes):
        generator = np.random.default_rng((given.seed, number))
        measure(path, given.out / path.stem, given.good, given.points, given.threads, generator)


if __name__ == "__main__":
    main()
