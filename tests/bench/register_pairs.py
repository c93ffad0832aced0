"""Accuracy, inverse error, regularity, time and memory of `vcli register` on all pairs of labelled brains.

    uv run python tests/bench/register_pairs.py ../shared/data/register/malf -o pairs --methods fast,default

The folder holds ``ID_SS.nii.gz`` (image) and ``ID_glm.nii.gz`` (labels). Each pair of brains is registered once by each
method as a process of its own, the direction in turn, and is a row of pairs.csv; a second call goes on where the first
one stopped. Methods are those of `vcli register benchmark`: configurations of this program (fast, default, network,
default-optimize ...) and baselines (greedy, greedy-2mm ...), in environments that it makes. Mean and worst of each
method are printed, and the difference of each configuration from each baseline on the pairs of both.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import math
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from vision_cli.core.command.console import Output
from vision_cli.io.volumes.volumes import read_volume
from vision_cli.register.evaluation.baselines import ENVIRONMENTS, find_pythons, run_baseline, run_own_method
from vision_cli.register.evaluation.benchmark import score
from vision_cli.register.transforms import itk_files

OURS = ("1Warp.nii.gz", "0GenericAffine.mat")
LEAN = ("--save", "warp", "--no-pictures")
MEASURES = (
    "dice_mean",
    "dice_affine_mean",
    "inverse_error_mean_voxels",
    "inverse_error_p99_voxels",
    "sdlogj",
    "folds_voxels",
    "affine_kept",
    "wall_s",
    "cpu_s",
    "peak_rss_mb",
)
COLUMNS = ("method", "fixed", "moving", *MEASURES)
BETTER_HIGH = ("dice_mean", "dice_affine_mean")

Row = dict[str, str]


def pairs_by_turns(names: Sequence[str]) -> list[tuple[str, str]]:
    """Give each unordered pair once as (fixed, moving), the direction alternating."""
    pairs = itertools.combinations(names, 2)
    return [pair if number % 2 == 0 else pair[::-1] for number, pair in enumerate(pairs)]


def measure(
    method: str, fixed: str, moving: str, data: Path, threads: int, pythons: dict[str, Path], *, lean: bool
) -> Row:
    """Register one pair and give its row."""
    with tempfile.TemporaryDirectory(prefix="register-pairs-") as name:
        out = Path(name)
        images = ((data / f"{fixed}_SS.nii.gz").absolute(), (data / f"{moving}_SS.nii.gz").absolute())
        found: dict[str, object] = {}
        if method in ENVIRONMENTS:
            cost = run_baseline(pythons[ENVIRONMENTS[method]], method, images[0], images[1], out, threads)
            written = json.loads((out / "transforms.json").read_text(encoding="utf-8"))
            files, affine = ([out / part for part in written[kind]] for kind in ("chain", "affine"))
        else:
            cost = run_own_method(method, images[0], images[1], out, threads, LEAN if lean else ())
            files = [out / "run" / part for part in OURS]
            affine = files[1:]
            found = json.loads((out / "run" / "metrics.json").read_text(encoding="utf-8"))
        chains = [[part for file in chain for part in itk_files.read_transform(file)] for chain in (files, affine)]
        labels = [read_volume(data / f"{one}_glm.nii.gz", kind="labels") for one in (fixed, moving)]
        measured = {
            **found,
            **asdict(score(labels[0], labels[1], chains[0], chains[1])),
            **({} if lean else asdict(cost)),
        }
    cells = {measure: measured.get(measure) for measure in MEASURES}
    return {name: str(value) for name, value in {"method": method, "fixed": fixed, "moving": moving, **cells}.items()}


def values(rows: Sequence[Row], measure: str) -> dict[tuple[str, str], float]:
    """Give a measure by pair, for the rows that have it."""
    cells = {(row["fixed"], row["moving"]): row[measure] for row in rows}
    numbers = {pair: {"True": 1.0, "False": 0.0}.get(text) for pair, text in cells.items()}
    for pair, text in cells.items():
        if numbers[pair] is None and text not in ("", "None"):
            numbers[pair] = float(text)
    return {pair: number for pair, number in numbers.items() if number is not None and math.isfinite(number)}


def report(rows: Sequence[Row]) -> None:
    """Print mean and worst of each method, and its differences from the baselines."""
    by_method = {
        name: [row for row in rows if row["method"] == name] for name in dict.fromkeys(r["method"] for r in rows)
    }
    for method, own in by_method.items():
        print(f"\n{method}: {len(own)} pairs\n{'measure':>26}  {'mean':>9}  {'worst':>9}  worst pair (fixed, moving)")
        for measure in MEASURES:
            found = values(own, measure)
            if found:
                worst = (min if measure in BETTER_HIGH else max)(found, key=lambda pair: found[pair])
                mean = statistics.fmean(found.values())
                print(f"{measure:>26}  {mean:9.4f}  {found[worst]:9.4f}  {', '.join(worst)}")
        for other in [
            name for name in by_method if name in ENVIRONMENTS and name != method and method not in ENVIRONMENTS
        ]:
            for measure in BETTER_HIGH:
                first, second = values(own, measure), values(by_method[other], measure)
                gains = {pair: first[pair] - second[pair] for pair in first if pair in second}
                if gains:
                    worst = min(gains, key=lambda pair: gains[pair])
                    mean = statistics.fmean(gains.values())
                    print(f"{measure} - that of {other}, {len(gains)} pairs: mean {mean:.4f}, worst {gains[worst]:.4f}")


def main() -> None:
    """Measure what is not measured yet, then report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--methods", default="fast")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=None, metavar="N", help="only the first N pairs")
    parser.add_argument("--lean", action="store_true", help="write the warps alone and record no time and no memory")
    given = parser.parse_args()
    methods = given.methods.split(",")
    given.out.mkdir(parents=True, exist_ok=True)
    table = given.out / "pairs.csv"
    rows: list[Row] = []
    if table.exists():
        with table.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    done = {(row["method"], row["fixed"], row["moving"]) for row in rows}
    baselines = [method for method in methods if method in ENVIRONMENTS]
    pythons = find_pythons(baselines, None, Output()) if baselines else {}
    names = sorted(path.name.split("_")[0] for path in given.data.glob("*_glm.nii.gz"))
    with table.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if not rows:
            writer.writeheader()
        for (fixed, moving), method in itertools.product(pairs_by_turns(names)[: given.pairs], methods):
            if (method, fixed, moving) in done:
                continue
            row = measure(method, fixed, moving, given.data, given.threads, pythons, lean=given.lean)
            writer.writerow(row)
            file.flush()
            rows.append(row)
            print("  ".join(row[name] for name in COLUMNS[:6]), flush=True)
    report(rows)


if __name__ == "__main__":
    main()
