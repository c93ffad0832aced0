"""Distances of synth-faces beside those of torch-fidelity, on the same features.

    uv run --with torch-fidelity python tests/bench/synth_faces_distances.py

torch-fidelity is asked for its arithmetic alone: it is given features, and loads no network.
"""

from __future__ import annotations

import numpy as np
import torch
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric

from vision_cli.synth_faces.evaluation.distances import FeatureSet, frechet_distance, kernel_distance


def main() -> None:
    """Print both values of each distance and their difference."""
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(128, 128)) / 12
    real = np.maximum(rng.normal(size=(1500, 128)) @ mixing, 0)
    generated = np.maximum(rng.normal(size=(1200, 128)) @ (1.2 * mixing) + 0.1, 0)
    sets = FeatureSet("fer", real), FeatureSet("fer", generated)
    tensors = [torch.from_numpy(values) for values in (generated, real)]
    statistics = [fid_features_to_statistics(values) for values in tensors]
    theirs = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    ours = frechet_distance(*sets).value
    print(f"Frechet distance: ours {ours:.6f}, torch-fidelity {theirs:.6f}, difference {abs(ours - theirs):.2e}")
    # Subsets are drawn by other generators: with as many pictures as a subset has, there is one.
    options = {"kid_degree": 3, "kid_gamma": None, "kid_coef0": 1.0, "rng_seed": 2020, "verbose": False}
    for count, size, what in ((1000, 1000, "all pictures"), (1200, 1000, "mean of subsets")):
        found = kid_features_to_metric(*(part[:count] for part in tensors), kid_subset_size=size, **options)
        ours_kernel = kernel_distance(*(FeatureSet("fer", part.values[:count]) for part in sets), size=size)
        their = found["kernel_inception_distance_mean"]
        print(
            f"Kernel distance, {what}: ours {ours_kernel.mean:.6f}, torch-fidelity {their:.6f}, "
            f"difference {abs(ours_kernel.mean - their):.2e}"
        )


if __name__ == "__main__":
    main()
