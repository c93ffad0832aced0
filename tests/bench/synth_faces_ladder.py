"""What each part of the method adds: text, action units, semantic guidance; judged by a recogniser that guided nothing.

    python tests/bench/synth_faces_ladder.py OUT --per-label 143                      # 1,001 faces a rung
    python tests/bench/synth_faces_ladder.py OUT --per-label 143 --rungs text,au,sg

Each rung draws the same persons from the same noise. The share of faces whose requested label is named is given by the
shipped judge, and beside it by the shipped guide: where that has steered the drawing, it flatters.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from vision_cli.core.compute.weights import resolve_weights
from vision_cli.synth_faces.data.sources import PictureFile
from vision_cli.synth_faces.pipeline.framing import FaceCutter
from vision_cli.synth_faces.pipeline.recogniser_files import read_recogniser
from vision_cli.synth_faces.plans.manifests import read_manifest

RENDER = "render"
RUNGS = {
    "text": ("--adapter", "none"),
    "au": (),
    "sg": ("--sg",),
    "sg-latent": ("--sg", "--sg-target", "latent"),
    RENDER: (),
}


def main() -> None:
    """Draw and measure each rung, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--per-label", type=int, default=143)
    parser.add_argument("--labels", default="basic7")
    parser.add_argument("--rungs", default="text,au,sg")
    parser.add_argument("--seed", type=int, default=2410)
    parser.add_argument("--extra", default="", help="More words for generate.")
    given = parser.parse_args()
    print("| rung | faces | named by the judge | 95 % | more than the rung before | named by the guide |")
    print("|---|---|---|---|---|---|")
    before = None
    for rung in given.rungs.split(","):
        faces = given.out / rung
        backend = ("--backend", RENDER, "--size", "64") if rung == RENDER else ("--backend", "diffusion")
        words = ["--per-label", str(given.per_label), "--labels", given.labels, "--seed", str(given.seed)]
        words += [*backend, *RUNGS[rung], *given.extra.split(), "--threads", "1", "--resume", "-o", str(faces)]
        subprocess.run([sys.executable, "-m", "vision_cli", "synth-faces", "generate", "--quiet", *words], check=True)
        judge, guide = named(faces, "fer-judge"), named(faces, "fer-guide")
        low, high = binomtest(int(judge.sum()), len(judge)).proportion_ci()
        more = "" if before is None else gain(before, judge)
        print(
            f"| {rung} | {len(judge)} | {judge.mean():.1%} | {low:.1%} to {high:.1%} | {more} | {guide.mean():.1%} |",
            flush=True,
        )
        before = judge


def gain(before: np.ndarray, after: np.ndarray) -> str:
    """Return how many more faces are named in words, with the interval of pairs of the same person and noise."""
    shares = 100 * (after.astype(float) - before)
    half = 1.96 * shares.std(ddof=1) / np.sqrt(len(shares))
    return f"{shares.mean():+.1f} points [{shares.mean() - half:.1f}, {shares.mean() + half:.1f}]"


def named(run: Path, weights: str) -> np.ndarray:
    """Return whether a shipped recogniser names the label that each face of a run was asked to show, ``(N,)``."""
    recogniser = read_recogniser(resolve_weights("default", "synth-faces", weights).path)
    cutter = FaceCutter(recogniser.about.side)
    rows = read_manifest(run / "manifest.jsonl")
    cuts = [cutter(PictureFile(run / row.file).read()).grey for row in rows]
    chances, _ = recogniser.recognise(cuts)
    places = [recogniser.about.names.index(row.label_requested) for row in rows]
    return chances.argmax(axis=1) == np.array(places)


if __name__ == "__main__":
    main()
