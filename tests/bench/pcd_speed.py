"""CPU seconds and peak memory of `vcli pcd-anomaly` on large scans, each command a process of its own.

    uv run python tests/bench/pcd_speed.py -o speed --prototype-points 500000 --points 1000000,5000000

Makes one part with four prototypes and a test scan of each size, trains, scores each scan, and prints what each took
beside what is required: 4 CPU minutes of training, 25 CPU seconds and 2 GB a million points, and for five million no
more than six times that time and 6 GB.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from vision_cli.io.pointclouds import write_ply
from vision_cli.pcd_anomaly.synthesis import class_mesh
from vision_cli.phantoms.defects import SUITES
from vision_cli.phantoms.parts import PARTS
from vision_cli.phantoms.specimens import draw_prototype, draw_test

MEGABYTE = 1e6


def measured(words: list[object]) -> tuple[float, float]:
    """Run a command of vcli; give its CPU seconds and its peak memory in 10^6 bytes."""
    command = [sys.executable, "-m", "vision_cli", "pcd-anomaly", *map(str, words), "--quiet"]
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
    given = parser.parse_args()
    generator = np.random.default_rng(0)
    mesh = class_mesh(given.part, 0)
    train = given.out / "data" / given.part / "train"
    train.mkdir(parents=True, exist_ok=True)
    for number in range(4):
        made = draw_prototype(mesh, SUITES["tolerance"], given.prototype_points, generator).scan
        write_ply(train / f"{given.part}_template{number}.ply", made.points)
    print("      command     points   cpu-s  peak-MB", flush=True)
    model = given.out / "model"
    seconds, peak = measured(["train", given.out / "data", "-o", model, "--threads", given.threads])
    print(f"{'train':>13}  {4 * given.prototype_points:9d}  {seconds:6.1f}  {peak:7.0f}", flush=True)
    print(f"train: {seconds / 60:.1f} CPU minutes (4 required)", flush=True)
    first = 0.0
    for count in map(int, given.points.split(",")):
        scan = given.out / f"scan-{count}.ply"
        made = draw_test(given.part, mesh, SUITES["tolerance"], "bulge", count, generator).scan
        write_ply(scan, made.points)
        out = given.out / f"scores-{count}"
        seconds, peak = measured(["predict", model, scan, "-o", out, "--threads", given.threads])
        print(f"{'predict':>13}  {count:9d}  {seconds:6.1f}  {peak:7.0f}", flush=True)
        if not first:
            first = seconds
            print(f"predict: {seconds:.1f} CPU seconds (25 required), {peak / 1000:.2f} GB (2 required)", flush=True)
        else:
            print(
                f"predict: {seconds / first:.1f} times that (6 required), {peak / 1000:.2f} GB (6 required)", flush=True
            )


if __name__ == "__main__":
    main()
