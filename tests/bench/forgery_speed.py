"""Processor time a face of the shipped detectors, beside MFCLIP's published encoder and CLIP ViT-B/32, on one thread.

    uv run python tests/bench/forgery_speed.py

The larger networks have random weights: time does not depend on them. What is cut out and computed before a network
(resizing, tile, colour coherence) is timed by itself, on a square of 320 px.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

import numpy as np
import torch

from vision_cli.forgery_detect.networks.clip.towers import ClipVision, VisionSizes
from vision_cli.forgery_detect.networks.mfclip.building import build_mfclip
from vision_cli.forgery_detect.pipeline.inputs import face_input
from vision_cli.forgery_detect.pipeline.opening import load_detector
from vision_cli.forgery_detect.values import FaceCrop

FACES, REPEATS, SIDE = 16, 5, 320
CLIP_B32 = VisionSizes(side=224, patch=32, width=768, depth=12, heads=12, hidden=3072, outputs=512)


def cost(work: Callable[[], object]) -> float:
    """Return the processor time of a face in seconds, the median of some repeats after a first one."""
    work()
    taken = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        taken.append((time.process_time() - start) / FACES)
    return float(np.median(taken))


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8) for _ in range(FACES)]
    crops = [FaceCrop(picture, np.array([0.0, 0.0, SIDE, SIDE])) for picture in pictures]
    rows = [("inputs of 112 px", cost(lambda: [face_input(crop, side=112, patch=112) for crop in crops]))]
    for name in ("coherence", "mfclip-nano", "gmdf-nano"):
        model = load_detector(name, "cpu").model
        inputs = [face_input(crop, side=model.about.side, patch=model.about.patch) for crop in crops]
        rows.append((name, cost(lambda m=model, i=inputs: m.score(i))))  # type: ignore[misc]
    with torch.inference_mode():
        published = build_mfclip("paper", features=0).eval()
        image, patch, none = torch.rand(FACES, 3, 224, 224), torch.rand(FACES, 3, 112, 112), torch.zeros(FACES, 0)
        rows.append(("MFCLIP's published encoder", cost(lambda: published(image, patch, none))))
        clip = ClipVision(CLIP_B32).eval()
        rows.append(("CLIP ViT-B/32", cost(lambda: clip(image))))
    for name, seconds in rows:
        print(f"{name:28} {seconds:.4f} CPU-s a face")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
