"""How time and memory of `vcli register` grow with the image: generated heads of 64 to 256 voxels a side.

    uv run python tests/bench/register_growth.py -o growth

Registers each pair by optimisation alone and by the network alone, as processes of their own, prints a table of seconds
and of peak memory by phase, and writes it as growth.csv, with a plot of it as growth.png.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt

from vision_cli.io.volumes.volumes import write_volume
from vision_cli.phantoms.brains.brains import brain_pair

FIELD_OF_VIEW_MM = 192.0
COLUMNS = ("side", "affine_s", "optimise_s", "network_s", "fields_s", "optimiser_mb", "network_mb")


def measure(side: int, folder: Path, threads: int) -> dict[str, float]:
    """Register two heads of ``side`` voxels along each axis both ways; give seconds and 10^6 bytes."""
    spacing = FIELD_OF_VIEW_MM / side
    pair = brain_pair(1, (side,) * 3, (spacing,) * 3, strip=True)
    write_volume(folder / "fixed.nii.gz", pair.fixed, pair.fixed_vox2ras)
    write_volume(folder / "moving.nii.gz", pair.moving, pair.moving_vox2ras)
    records = {}
    for method in ("optimize", "network"):
        out = folder / f"{side}-{method}"
        words = [folder / "fixed.nii.gz", folder / "moving.nii.gz", "--method", method, "--threads", threads, "-o", out]
        command = [sys.executable, "-m", "vision_cli", "register", *map(str, words), "--no-pictures", "--quiet"]
        subprocess.run(command, check=True)
        records[method] = json.loads((out / "run.json").read_text(encoding="utf-8"))
    optimised, predicted = records["optimize"], records["network"]
    return {
        "side": side,
        "affine_s": optimised["seconds"]["affine"],
        "optimise_s": optimised["seconds"]["optimise"],
        "network_s": predicted["network"]["seconds"],
        "fields_s": optimised["seconds"]["fields"],
        "optimiser_mb": optimised["peak_memory_search_mb"],
        "network_mb": predicted["network"]["peak_memory_mb"],
    }


def draw(rows: list[dict[str, float]], path: Path) -> None:
    """Draw seconds and memory over the number of voxels, both axes logarithmic."""
    mpl.use("agg")
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for panel, names, label in (
        (panels[0], ("affine_s", "optimise_s", "network_s", "fields_s"), "seconds"),
        (panels[1], ("optimiser_mb", "network_mb"), "peak memory of the process until then (MB)"),
    ):
        for name in names:
            panel.plot([row["side"] for row in rows], [row[name] for row in rows], "o-", label=name.rsplit("_", 1)[0])
        panel.set_xscale("log", base=2)
        panel.set_yscale("log")
        panel.set_xticks([row["side"] for row in rows], [f"{row['side']}³" for row in rows])
        panel.minorticks_off()
        panel.set_xlabel("voxels")
        panel.set_ylabel(label)
        panel.grid(color="#dddddd", linewidth=0.6)
        panel.legend(frameon=False)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--sides", default="64,96,128,192,256")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    rows = []
    print("  ".join(f"{name:>12}" for name in COLUMNS))
    for side in map(int, given.sides.split(",")):
        rows.append(measure(side, given.out, given.threads))
        print("  ".join(f"{rows[-1][name]:12g}" for name in COLUMNS), flush=True)
    with (given.out / "growth.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    draw(rows, given.out / "growth.png")


if __name__ == "__main__":
    main()
