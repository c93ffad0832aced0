"""What `fewshot-seg` does with supports of two classes, with pictures without the class, and how long it takes.

    uv run python tests/bench/fewshot_bars.py ../shared/data/fewshot-seg

Prints, by the shipped weights: the IoU of the masks that a road and a sky support give in the same CamVid pictures, and
of each with its truth; the AUROC of presence of apples in apple pictures against other photographs; seconds of
processor time a support and a query.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from PIL import Image

from tests.bench.fewshot_sets import SIDE, bright, shown
from vision_cli.fewshot_seg import open_segmenter
from vision_cli.fewshot_seg.gate.overlaps import iou
from vision_cli.metrics.ranking import auroc

ROAD, SKY = 3, 0


def conditioning(root: Path) -> None:
    """Print how different the masks of two supports are."""
    pictures = sorted((root / "camvid/val").glob("*.png"))
    labels = [np.asarray(Image.open(root / "camvid/valannot" / path.name)) for path in pictures]
    method, rows = open_segmenter(), []
    for place in range(1, len(pictures)):
        query = shown(pictures[place], labels[place] == ROAD).picture
        found = []
        for label in (ROAD, SKY):
            task = method.learn([shown(pictures[0], labels[0] == label)])
            found.append(task.segment(query).mask)
        truths = [shown(pictures[place], labels[place] == label).mask for label in (ROAD, SKY)]
        rows.append((iou(*found), *(iou(mask, truth) for mask, truth in zip(found, truths, strict=True))))
    between, road, sky = np.array(rows).T
    print(f"CamVid, {len(rows)} queries: road and sky overlap at most {between.max():.3f}")
    print(f"  road with its truth {road.min():.2f} to {road.max():.2f}, sky {sky.min():.2f} to {sky.max():.2f}")


def presence(root: Path) -> None:
    """Print how well apples are told from their absence."""
    apples = [
        shown(root / f"fss1000/images/apple/{number}.jpg", bright(root / f"fss1000/masks/apple/{number}.png", 128))
        for number in range(1, 11)
    ]
    others = sorted((root / "coco").glob("*.jpg")) + sorted((root / "suim/images").glob("*.jpg"))
    absent = [shown(path, np.zeros((SIDE, SIDE), bool)).picture for path in others]
    method, labels, scores = open_segmenter(), [], []
    for support in apples:
        task = method.learn([support])
        for one in apples:
            if one is not support:
                labels.append(1)
                scores.append(task.segment(one.picture).presence)
        for picture in absent:
            labels.append(0)
            scores.append(task.segment(picture).presence)
    print(f"presence of apples, {len(labels)} questions: AUROC {auroc(np.array(labels), np.array(scores)):.3f}")


def speed(root: Path) -> None:
    """Print seconds of processor time."""
    paths = sorted((root / "ph2").glob("*.jpg"))
    mask = np.zeros((SIDE, SIDE), bool)
    mask[80:140, 80:140] = True
    for name in ("tap", "tavp", "rf"):
        method = open_segmenter(name)
        began = time.process_time()
        task = method.learn([shown(paths[0], mask)])
        learned = time.process_time()
        for path in paths[1:]:
            task.segment(shown(path, mask).picture)
        spent = (time.process_time() - learned) / (len(paths) - 1)
        print(f"{name}: {learned - began:.2f} CPU-s a support, {spent:.3f} a query")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    root = parser.parse_args().root
    conditioning(root)
    presence(root)
    speed(root)


if __name__ == "__main__":
    main()
