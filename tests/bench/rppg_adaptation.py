"""What adaptation without labels brings to a network that knows light skin in good light, on dark skin in low light.

    uv run python tests/bench/rppg_adaptation.py --seeds 3

Trains a source network on generated clips of an easy domain (or takes --source), then adapts it, seed by seed, to other
clips of the preset `shift` and to clips of its own domain, and scores clips of other people. Prints a row a method and
what is required. Labels are read for the scores alone.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from vision_cli.core.console import Output
from vision_cli.core.devices import Compute, configure
from vision_cli.core.runs import Run
from vision_cli.phantoms.pulse_clips import SHIFTED, ClipStyle, make_clip
from vision_cli.rppg_adapt.adaptation import Adaptation, Outcome, adapt
from vision_cli.rppg_adapt.data import CachedClip, LabelledClips, write_clip
from vision_cli.rppg_adapt.losses import AdaptLoss
from vision_cli.rppg_adapt.models import ModelSettings, PulseModel, load_model
from vision_cli.rppg_adapt.training import WEIGHTS, GeneratedClips, SourceTraining, heart_rate_errors, train_source

EASY = ClipStyle(
    melanin=(0.0, 0.4),
    strength=(0.004, 0.015),
    motion=0.5,
    flicker=0.5,
    exposure=(0.8, 1.2),
    noise=(0.003, 0.01),
    jpeg=0.0,
    video=0.0,
    odd_clocks=0.1,
)
"""The domain of the source network."""

ROBUST = Adaptation()
METHODS: dict[str, Adaptation] = {
    "robust": ROBUST,
    "paper": replace(ROBUST, loss=AdaptLoss.of("paper")),
    "BN only": replace(ROBUST, update="bn"),
    "MSE for FWD": replace(ROBUST, loss=AdaptLoss.of("robust", kind="mse")),
}
IN_DOMAIN = ("robust", "paper")
FRAMES = 300
STREAM = 41
QUIET = Output(quiet=True)


def make_clips(directory: Path, style: ClipStyle, count: int, seed: int) -> list[CachedClip]:
    """Write a cache of clips of ten seconds, each of a person of its own."""
    directory.mkdir()
    found = []
    for number in range(count):
        clip = make_clip(np.random.default_rng((seed, STREAM, number)), frames=FRAMES, style=style)
        path = directory / f"{number}.npz"
        write_clip(path, {"frames": clip.frames, "bvp": clip.wave}, {"id": number})
        found.append(CachedClip(str(number), str(number), path, clip.fps, FRAMES, {}))
    return found


def train_on_easy(directory: Path, steps: int, compute: Compute) -> PulseModel:
    """Train the source network."""
    settings = ModelSettings()
    with Run.open(directory, command="rppg-adapt train", options={}) as run:
        training = SourceTraining(settings, steps=steps)
        train_source(run, training, GeneratedClips(settings, training.frames, compute.seed, EASY), compute, QUIET)
        run.finish()
    return load_model(str(directory / WEIGHTS))


def mean_error(model: PulseModel, clips: Sequence[CachedClip]) -> float:
    """Mean absolute error of heart rates in bpm."""
    waves = np.stack([clip.wave() for clip in clips])
    labelled = LabelledClips(torch.from_numpy(np.stack([clip.frames() for clip in clips])), torch.from_numpy(waves))
    return float(heart_rate_errors(model.network, labelled, model.settings, torch.device("cpu")).mean())


def adapted(
    directory: Path, model: PulseModel, clips: Sequence[CachedClip], how: Adaptation, compute: Compute
) -> Outcome:
    """Adapt as the command does."""
    with Run.open(directory, command="rppg-adapt adapt", options={}) as run:
        outcome = adapt(run, model, clips, how, compute, QUIET)
        run.finish()
    return outcome


def compare(
    model: PulseModel, seeds: Sequence[int], clips: tuple[int, int], steps: int, tell: Callable[[str], None]
) -> dict[str, list[float]]:
    """Give the mean errors by method and domain, one a seed."""
    found: dict[str, list[float]] = {}
    for seed in seeds:
        compute = configure("cpu", 1, seed)
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for domain, style, methods in (("shift", SHIFTED, METHODS), ("own", EASY, IN_DOMAIN)):
                used = make_clips(root / f"{domain}-used", style, clips[0], 2 * seed)
                test = make_clips(root / f"{domain}-test", style, clips[1], 2 * seed + 1)
                before = mean_error(model, test)
                found.setdefault(f"source on {domain}", []).append(before)
                for name in methods:
                    how = replace(METHODS[name], steps=steps, validate_every=max(steps // 10, 1))
                    outcome = adapted(root / f"{domain}-{name}", model, used, how, compute)
                    error = mean_error(outcome.model, test)
                    found.setdefault(f"{name} on {domain}", []).append(error)
                    kept = ", source kept" if outcome.kept_source else ""
                    scores = f"score {outcome.source_score:.3f} to {outcome.adapted_score:.3f}"
                    tell(f"seed {seed}, {name} on {domain}: {before:.2f} to {error:.2f} bpm ({scores}{kept})")
    return found


def report(found: dict[str, list[float]]) -> None:
    """Print the table and what is required."""
    means = {name: float(np.mean(values)) for name, values in found.items()}
    for name, values in found.items():
        print(f"{name:22}  {means[name]:6.2f} bpm   " + "  ".join(f"{value:6.2f}" for value in values))
    source = means["source on shift"]
    cuts = {name: 1 - means[f"{name} on shift"] / source for name in METHODS}
    worse = {name: means[f"{name} on own"] - means["source on own"] for name in IN_DOMAIN}
    required = (
        ("robust cuts the error by", cuts["robust"], ">=", 0.35),
        ("paper cuts the error by", cuts["paper"], ">=", 0.15),
        ("robust beats BN only by", cuts["robust"] - cuts["BN only"], ">=", 0.0),
        ("paper beats BN only by", cuts["paper"] - cuts["BN only"], ">=", 0.0),
        ("FWD beats MSE by", cuts["robust"] - cuts["MSE for FWD"], ">=", 0.0),
        *((f"{name} adds in its own domain, bpm", value, "<=", 0.3) for name, value in worse.items()),
    )
    for name, value, relation, bound in required:
        met = value >= bound if relation == ">=" else value <= bound
        print(f"{name}: {value:.3f} (required: {relation} {bound:g}) {'met' if met else 'missed'}")


def main() -> None:
    """Train, adapt, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", help="weights; by default a network is trained on the easy domain")
    parser.add_argument("--source-steps", type=int, default=250)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--clips", type=int, default=24, help="clips to adapt to")
    parser.add_argument("--test", type=int, default=40, help="clips to score")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if words.source is None:
            model = train_on_easy(Path(folder) / "source", words.source_steps, configure("cpu", 1, 0))
        else:
            model = load_model(words.source)
        seeds = range(words.first_seed, words.first_seed + words.seeds)
        clips = words.clips, words.test
        report(compare(model, seeds, clips, words.steps, lambda note: print(note, file=sys.stderr, flush=True)))


if __name__ == "__main__":
    main()
