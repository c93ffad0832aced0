"""IoU of `fewshot-seg`'s methods on sets of photographs, one support a query, at 224 px.

    uv run python tests/bench/fewshot_sets.py ../shared/data/fewshot-seg --sets design
    uv run python tests/bench/fewshot_sets.py ../shared/data/fewshot-seg --sets acceptance --methods tap,pixel,rf

Prints the mean IoU of each set and method, the gain over the best single baseline with its 95 % bootstrap interval, and
what each method took. Only the design sets (apple, Blowhole tiles, CamVid train) may be tuned on.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from vision_cli.fewshot_seg.gate.overlaps import iou
from vision_cli.fewshot_seg.pipeline.methods import BASELINES, make_method
from vision_cli.fewshot_seg.pipeline.tiles import TiledTask, choose_tile, prepare_supports
from vision_cli.fewshot_seg.pipeline.weight_files import Method, read_method
from vision_cli.fewshot_seg.values import Segmentation, Segmenter, Support

SIDE = 224
WEIGHTS = Path(__file__).parents[2] / "vision_cli" / "weights" / "fewshot.safetensors"
CAMVID = {"sky": 0, "building": 1, "road": 3, "tree": 5, "car": 8}
SETS = {
    "design": ("apple", "tile-Blowhole", "camvid-train"),
    "confirm": ("cat", "suim", "tile-Break", "tile-Uneven", "camvid", "em"),
    "acceptance": ("apple", "cat", "suim", "tile-Blowhole", "tile-Break", "tile-Uneven", "camvid", "em"),
}


@dataclass(frozen=True)
class Pair:
    """A support and a query of a class."""

    name: str
    support: Support
    query: Support


def shown(picture: Path, mask: np.ndarray) -> Support:
    """Return a picture and its mask at 224 × 224 px."""
    pixels = np.asarray(Image.open(picture).convert("RGB"))
    method = cv2.INTER_AREA if len(pixels) > SIDE else cv2.INTER_LINEAR
    small = cv2.resize(pixels, (SIDE, SIDE), interpolation=method)
    coverage = cv2.resize(mask.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return Support(picture.name, small, coverage >= 0.5)


def bright(path: Path, threshold: int) -> np.ndarray:
    """Return where the brightest channel of a file reaches a value."""
    pixels = np.asarray(Image.open(path))
    return (pixels[..., :3].max(axis=2) if pixels.ndim == 3 else pixels) >= threshold


def classes(root: Path) -> Iterator[tuple[str, list[Support], int, float]]:
    """Yield name of a set, annotated pictures of a class, how many pairs of them, the smallest share of a mask."""
    apples = [root / "fss1000/images/apple" / f"{number}.jpg" for number in range(1, 11)]
    yield "apple", [shown(p, bright(root / "fss1000/masks/apple" / f"{p.stem}.png", 128)) for p in apples], 14, 0.0005
    cats = sorted((root / "perseg").glob("*.jpg"))
    yield "cat", [shown(p, bright(p.with_suffix(".png"), 1)) for p in cats], 6, 0.0005
    for folder in sorted(path for path in (root / "suim/masks").iterdir() if path.is_dir()):
        pictures = [p for p in sorted((root / "suim/images").glob("*.jpg")) if (folder / f"{p.stem}.bmp").exists()]
        yield "suim", [shown(p, bright(folder / f"{p.stem}.bmp", 128)) for p in pictures], 5, 0.002
    for kind in ("Blowhole", "Break", "Uneven"):
        pictures = sorted((root / f"magnetic-tile/MT_{kind}/Imgs").glob("*.jpg"))
        yield f"tile-{kind}", [shown(p, bright(p.with_suffix(".png"), 128)) for p in pictures], 8, 0.0005
    for folder, name in (("val", "camvid"), ("train", "camvid-train")):
        pictures = sorted((root / "camvid" / folder).glob("*.png"))
        labels = [np.asarray(Image.open(root / "camvid" / f"{folder}annot" / p.name)) for p in pictures]
        for label in CAMVID.values():
            yield name, [shown(p, found == label) for p, found in zip(pictures, labels, strict=True)], 4, 0.01
    slices = sorted((root / "em-membrane/image").glob("*.png"), key=lambda path: int(path.stem))
    cells = [(p, shown(p, bright(root / "em-membrane/label" / p.name, 128))) for p in slices]
    # The files mark the cells; the class is what lies between them.
    yield "em", [Support(one.name, one.picture, ~one.mask) for _, one in cells], 10, 0.0005


def pairs(root: Path, wanted: Sequence[str]) -> Iterator[Pair]:
    """Yield the pairs of the sets that are wanted; the same ones whichever these are."""
    rng = np.random.RandomState(7)
    for name, items, count, smallest in classes(root):
        kept = [item for item in items if smallest < item.mask.mean() < 0.98]
        order = [(i, j) for i in range(len(kept)) for j in range(len(kept)) if i != j]
        rng.shuffle(order)
        for support, query in order[:count] if name in wanted else ():
            yield Pair(name, kept[support], kept[query])


def methods(names: Sequence[str], weights: Path, side: int | None) -> dict[str, Segmenter]:
    """Return the methods by name; ``rule`` is the method without weights, ``gate`` that without the network."""
    read = read_method(weights)
    if side is not None and read.network is not None:
        read.network.frame = replace(read.network.frame, side=side)
    known = {"rule": Method(None, None), "gate": Method(None, read.gate)}
    return {name: make_method("tap" if name in known else name, known.get(name, read)) for name in names}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--sets", choices=SETS, default="design")
    parser.add_argument("--methods", default="tap,gate,tavp,rule,pixel,rf,grabcut,copy,logistic")
    parser.add_argument("--repeats", type=int, default=1, help="seeds an episode; its IoU is their mean")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--side", type=int, help="of the network's pictures, px; that of the weights by default")
    parser.add_argument("--tiles", action="store_true", help="search small objects in tiles, as the command does")
    given = parser.parse_args()
    used = methods(given.methods.split(","), given.weights, given.side)
    overlaps: dict[str, list[float]] = {name: [] for name in used}
    seconds = dict.fromkeys(used, 0.0)
    groups, choices = [], []
    for seed, pair in enumerate(pairs(given.root, SETS[given.sets])):
        groups.append("tile" if pair.name.startswith("tile") else pair.name)
        for name, method in used.items():
            reached = []
            for repeat in range(given.repeats):
                began = time.process_time()
                tile = choose_tile([pair.support]) if given.tiles else None
                shown_as = prepare_supports([pair.support], tile=tile, most=512)
                learned = method.learn(shown_as, seed=1000 * repeat + seed)
                task = learned if tile is None else TiledTask(learned, tile)
                found: Segmentation = task.segment(pair.query.picture)
                seconds[name] += (time.process_time() - began) / given.repeats
                reached.append(100 * iou(found.mask, pair.query.mask))
            overlaps[name].append(float(np.mean(reached)))
            if name == "tap":
                choices.append(found.candidate)
    report({name: np.array(values) for name, values in overlaps.items()}, np.array(groups), choices)
    print("CPU s an episode", {name: round(value / len(groups), 2) for name, value in seconds.items()})


def report(overlaps: dict[str, np.ndarray], groups: np.ndarray, choices: Sequence[str]) -> None:
    """Print means by set and method, and gains over the best single baseline."""
    names = sorted(set(groups))
    rng = np.random.default_rng(0)
    draws = [[rng.choice(np.flatnonzero(groups == n), (groups == n).sum()) for n in names] for _ in range(2000)]
    means = {m: np.mean([v[groups == n].mean() for n in names]) for m, v in overlaps.items()}
    best = max((m for m in BASELINES if m in means), key=lambda m: means[m], default=None)
    print(f"{'':10}" + "".join(f"{n[:12]:>13}" for n in names) + f"{'mean':>9}   gain over {best}")
    for method, values in overlaps.items():
        cells = "".join(f"{values[groups == n].mean():13.1f}" for n in names)
        gain = ""
        if best is not None:
            difference = values - overlaps[best]
            spread = np.percentile([np.mean([difference[i].mean() for i in draw]) for draw in draws], [2.5, 97.5])
            gain = f"{means[method] - means[best]:+8.1f} [{spread[0]:.1f}, {spread[1]:.1f}]"
        print(f"{method:10}{cells}{means[method]:9.1f}   {gain}")
    print("episodes  " + "".join(f"{(groups == n).sum():13}" for n in names))
    for name in names if choices else ():
        chosen = [choice for choice, group in zip(choices, groups, strict=True) if group == name]
        print(f"chosen on {name}:", {choice: chosen.count(choice) for choice in sorted(set(chosen))})


if __name__ == "__main__":
    main()
