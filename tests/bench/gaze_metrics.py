"""Measures of gaze-predict against pysaliency and multimatch-gaze on random cases, and the time of ScanMatch.

Both run in an environment of their own, as pysaliency needs an old setuptools::

    uv run --with pysaliency --with multimatch-gaze --with "setuptools<81" python tests/bench/gaze_metrics.py
"""

from __future__ import annotations

import time
import warnings

import numpy as np

from vision_cli.gaze_predict.measures import maps, scanpaths
from vision_cli.gaze_predict.measures.multimatch import multimatch
from vision_cli.gaze_predict.values import ScanPath

CASES = 100
PAIRS = 500
SIDE = 224


def random_path(rng, count):
    durations = rng.uniform(0.1, 0.6, count).astype(np.float32)
    return ScanPath(rng.random((count, 2)).astype(np.float32), durations, np.cumsum(durations))


def fixations(path):
    rows = [
        (*(SIDE * point), duration) for point, duration in zip(path.points.astype(float), path.durations, strict=True)
    ]
    return np.array(rows, dtype=[("start_x", float), ("start_y", float), ("duration", float)])


def main():
    warnings.simplefilter("ignore")
    import multimatch_gaze
    from pysaliency import metrics

    rng = np.random.default_rng(0)
    worst: dict[str, float] = {}
    for _ in range(CASES):
        one, two = (random_path(rng, int(rng.integers(3, 12))) for _ in range(2))
        shape = (SIDE, int(rng.integers(150, SIDE)))
        first, second = maps.gaze_map(one, shape), maps.gaze_map(two, shape)
        rows, columns = maps.pixels_of(two.points, shape)
        match = multimatch(one, two)
        ours = {
            "CC": maps.correlation(first, second),
            "SIM": maps.similarity(first, second),
            "KLD": maps.divergence(first, second),
            "NSS": maps.normalized_scanpath_saliency(first, two.points),
            "MultiMatch": np.array([match.shape, match.direction, match.length, match.position, match.duration]),
        }
        theirs = {
            "CC": metrics.CC(first, second),
            "SIM": metrics.SIM(first, second),
            "KLD": metrics.MIT_KLDiv(first, second),
            "NSS": metrics.NSS(first, columns, rows).mean(),
            "MultiMatch": np.ravel(multimatch_gaze.docomparison(fixations(one), fixations(two), [SIDE, SIDE])),
        }
        for name, value in ours.items():
            worst[name] = max(worst.get(name, 0.0), float(np.max(np.abs(value - theirs[name]))))
    for name, value in worst.items():
        print(f"{name}: largest difference {value:.1e} on {CASES} cases")
    paths = [random_path(rng, 8) for _ in range(PAIRS)]
    for durations in (False, True):
        begun = time.perf_counter()
        scanpaths.scanmatch([paths[0]] * PAIRS, paths, durations=durations)
        print(f"ScanMatch, durations {durations}: {time.perf_counter() - begun:.3f} s for {PAIRS} pairs of 8 fixations")


if __name__ == "__main__":
    main()
