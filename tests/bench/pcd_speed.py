"""CPU seconds and peak memory of `vcli pcd-anomaly` on large scans, each command a process of its own.

    uv run python tests/bench/pcd_speed.py -o speed --prototype-points 500000 --points 1000000,5000000

Makes one part with four prototypes and a test scan of each size, trains, scores each scan, and prints what each took
beside what is required: 4 CPU minutes of training, 25 CPU seconds and 2 GB a million points, for five million no more
than six times that time and 6 GB, and a quarter of what PatchCore on FPFH takes, set as in Real3D-AD (100 neighbours,
a bank of 10,000), to score every point of the first scan; that takes no search of a pose, and no time to fill its bank
is counted.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vision_cli.core.compute.devices import configure
from vision_cli.io.points.clouds import read_points, write_ply
from vision_cli.pcd_anomaly.data.synthesis import class_mesh
from vision_cli.pcd_anomaly.evaluation.baselines import fit_baseline, score_places
from vision_cli.pcd_anomaly.model.files import find_models, read_model
from vision_cli.pcd_anomaly.surfaces.geometry import surface_of
from vision_cli.phantoms.parts.defects import SUITES
from vision_cli.phantoms.parts.parts import PARTS
from vision_cli.phantoms.parts.specimens import draw_prototype, draw_test

MEGABYTE = 1e6
BASELINE = "patchcore-fpfh"
VCLI = ("-m", "vision_cli", "pcd-anomaly")


def score_by_baseline(model: Path, scan: Path, threads: int) -> None:
    """Score every point of a scan by the baseline, without search of a pose or interpolation, and print CPU seconds."""
    configure("cpu", threads)
    fitted = fit_baseline(BASELINE, read_model(model).reference)
    began = time.process_time()
    surface = surface_of(read_points(scan).points)
    scores = score_places(fitted, surface, centres=len(surface))
    if scores.shape != (1, len(surface)) or not np.isfinite(scores).all():
        raise SystemExit(f"{scan}: {BASELINE} has not scored every point")
    print(time.process_time() - began)


def measured(words: Sequence[object]) -> tuple[float, float]:
    """Run Python; give its CPU seconds and its peak memory in 10^6 bytes."""
    command = [sys.executable, *map(str, words)]
    with subprocess.Popen(command) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    # 10 says that a defect was found, and is asked for nowhere here.
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / MEGABYTE


def main() -> None:
    """Make, train, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--part", default="bracket", choices=PARTS)
    parser.add_argument("--prototype-points", type=int, default=500_000)
    parser.add_argument("--points", default="1000000,5000000")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--baseline", type=Path, metavar="SCAN", help="only score this scan by the baseline")
    given = parser.parse_args()
    model = given.out / "model"
    if given.baseline is not None:
        score_by_baseline(find_models(model)[given.part], given.baseline, given.threads)
        return
    generator = np.random.default_rng(0)
    mesh = class_mesh(given.part, 0)
    train = given.out / "data" / given.part / "train"
    train.mkdir(parents=True, exist_ok=True)
    for number in range(4):
        made = draw_prototype(mesh, SUITES["tolerance"], given.prototype_points, generator).scan
        write_ply(train / f"{given.part}_template{number}.ply", made.points)
    print("       command     points   cpu-s  peak-MB", flush=True)

    def row(name: str, count: int, words: Sequence[object]) -> tuple[float, float]:
        seconds, peak = measured([*words, "--threads", given.threads])
        print(f"{name:>14}  {count:9d}  {seconds:6.1f}  {peak:7.0f}", flush=True)
        return seconds, peak

    words = [*VCLI, "train", given.out / "data", "-o", model, "--overwrite", "--quiet"]
    seconds, _ = row("train", 4 * given.prototype_points, words)
    print(f"train: {seconds / 60:.1f} CPU minutes (4 required)", flush=True)
    first = 0.0
    for count in map(int, given.points.split(",")):
        scan = given.out / f"scan-{count}.ply"
        made = draw_test(given.part, mesh, SUITES["tolerance"], "bulge", count, generator).scan
        write_ply(scan, made.points)
        out = given.out / f"scores-{count}"
        seconds, peak = row("predict", count, [*VCLI, "predict", model, scan, "-o", out, "--overwrite", "--quiet"])
        if first:
            print(
                f"predict: {seconds / first:.1f} times that (6 required), {peak / 1e3:.2f} GB (6 required)", flush=True
            )
            continue
        first = seconds
        print(f"predict: {seconds:.1f} CPU seconds (25 required), {peak / 1e3:.2f} GB (2 required)", flush=True)
        words = [__file__, "-o", given.out, "--part", given.part, "--baseline", scan, "--threads", given.threads]
        told = subprocess.run([sys.executable, *map(str, words)], check=True, capture_output=True, text=True).stdout
        seconds = float(told)
        print(f"{BASELINE}: {seconds / first:.1f} times that (4 required)", flush=True)


if __name__ == "__main__":
    main()
