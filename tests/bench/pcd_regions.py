"""How large the regions of `vcli pcd-anomaly` are beside known defects, and how high they score in good scans.

    uv run python tests/bench/pcd_regions.py --good 6 --each 2 --points 15000 --seed 20

Trains on the generated parts `tee` and `clip`, which no suite of the card measures, and scores good and defective scans
at their true poses. Prints a line a scan: score of its highest region in thresholds of places, and length and width of
the region that covers most of the defect beside those of the points that the defect moves by a tenth of its depth or
more. The last lines say, for several limits, how many good scans a single region of that score would make anomalous,
and how many defective ones: the limit of the pipeline (`_CERTAIN`) is chosen by them.
"""

from __future__ import annotations

import argparse

import numpy as np

from vision_cli.core.errors import UsageError
from vision_cli.io.points.clouds import PointCloud
from vision_cli.pcd_anomaly.model.fit import train
from vision_cli.pcd_anomaly.options import HeadOptions, Options
from vision_cli.pcd_anomaly.pipeline.pipeline import observe, score
from vision_cli.pcd_anomaly.scoring.regions import find_regions
from vision_cli.pcd_anomaly.surfaces.geometry import invert
from vision_cli.phantoms.parts.defects import SUITES
from vision_cli.phantoms.parts.parts import make_part
from vision_cli.phantoms.parts.specimens import draw_prototype, draw_test

PARTS = ("tee", "clip")
KINDS = ("bulge", "sink", "scratch", "crack", "missing")
OPTIONS = Options(groups=512, group_size=32, bank=2000, views=8, head=HeadOptions(clusters=16, steps=50, batch=512))
LIMITS = (1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0)
MOVED = 0.1
"""Share of its depth from which a defect counts."""


def extents(points: np.ndarray) -> tuple[float, float]:
    """Return length and width of points about their plane."""
    centred = points - points.mean(axis=0)
    spread = np.ptp(centred @ np.linalg.eigh(centred.T @ centred)[1][:, ::-1], axis=0)
    return float(spread[:2].max()), float(spread[:2].min())


def main() -> None:
    """Measure both parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--good", type=int, default=6)
    parser.add_argument("--each", type=int, default=2, help="scans of each kind of defect")
    parser.add_argument("--points", type=int, default=15_000)
    parser.add_argument("--prototypes", type=int, default=3)
    parser.add_argument("--seed", type=int, default=20)
    given = parser.parse_args()
    suite = SUITES["rigid"]
    highest: dict[bool, list[float]] = {True: [], False: []}
    ratios: list[float] = []
    for number, name in enumerate(PARTS):
        generator = np.random.default_rng((given.seed, number))
        mesh = make_part(name, generator)
        known = [draw_prototype(mesh, suite, 2 * given.points, generator).scan for _ in range(given.prototypes)]
        model = train([PointCloud(one.points) for one in known], OPTIONS, np.random.default_rng(0))
        wanted = [None] * given.good + [kind for kind in KINDS for _ in range(given.each)]
        for kind in wanted:
            try:
                seen = draw_test(name, mesh, suite, kind, given.points, generator).scan
            except UsageError:
                continue
            true = invert(model.to_prototype) @ invert(known[0].pose_true) @ seen.pose_true
            watched = observe(model.reference, seen.points, registration="given", init=true)
            result = score(model, watched)
            # The regions before the decision, which leaves none to a normal scan.
            found = find_regions(seen.points, result.scores, result.place_threshold, deviation=result.deviation)
            top = max((region.score for region in found.found), default=0.0) / result.place_threshold
            highest[kind is None].append(top)
            said = f"{name:>6} {kind or 'good':>8}  score {result.score / result.threshold:5.2f}  region {top:5.2f}"
            moved = np.abs(seen.deviation_mm) >= MOVED * np.abs(seen.deviation_mm).max()
            if kind is not None:
                covering = np.bincount(found.numbers[moved & (found.numbers > 0)], minlength=len(found.found) + 1)
                if covering.any():
                    region = found.found[int(covering.argmax()) - 1]
                    length, width = extents(seen.points[moved])
                    ratios.append(region.length / length)
                    said += f"  {region.length:5.1f} x {region.width:4.1f} of {length:5.1f} x {width:4.1f} mm"
            print(said, flush=True)
    if ratios:
        print(
            f"length of region / defect: median {np.median(ratios):.2f}, {len(ratios)} of {len(highest[False])} found"
        )
    for limit in LIMITS:
        good, bad = (sum(value >= limit for value in highest[is_good]) for is_good in (True, False))
        print(f"limit {limit:4.2f}: {good} of {len(highest[True])} good, {bad} of {len(highest[False])} defective")


if __name__ == "__main__":
    main()
