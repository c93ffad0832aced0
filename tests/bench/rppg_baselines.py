"""Heart rates, seconds and memory of `vcli rppg-adapt` beside open-rppg's, and parts of ours beside what they replace.

    uv run python tests/bench/rppg_baselines.py face.mp4 --hd 20

Reads every video by both programs, each from a cold start in a process of its own (open-rppg in an environment of its
own, see vision_cli/rppg_adapt/evaluation/baselines.txt), and a generated video of 1280 x 720 pixels by ours. Then times
POS of five minutes beside a loop over its windows, and the shipped network beside PhysNet on 300 frames of 72 x 72
pixels. Prints one row per measurement, then the ratios and what is required of them.
"""

# The packages of the baselines are not those of this project.
# mypy: disable-error-code="import-not-found, import-untyped"

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
from numpy.typing import NDArray

from vision_cli.core.command.console import Output
from vision_cli.core.compute.baselines import LIST, PRINTED, Cost, baseline_python, run_measured
from vision_cli.rppg_adapt import evaluation
from vision_cli.rppg_adapt.networks.build import build_physnet
from vision_cli.rppg_adapt.networks.files import load_model
from vision_cli.rppg_adapt.signals.classical import pos

PACKAGES = Path(evaluation.__file__).with_name(LIST)
MARK = "heart rate:"
OPEN_RPPG = f"""
import sys
import rppg
print("{MARK}", float(rppg.Model().process_video(sys.argv[1])["hr"]))
"""
FPS, TRACE_FRAMES = 30.0, 9000
CLIP_FRAMES, CLIP_SIDE = 300, 72


@dataclass(frozen=True)
class Measurement:
    """What a program said of a video, and what that took."""

    program: str
    video: Path
    seconds: float
    bpm: float
    cost: Cost


def seconds_of(video: Path) -> float:
    """Length of a video."""
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        return float(stream.duration * stream.time_base)


def read_by_ours(video: Path, folder: Path, threads: int) -> Measurement:
    """Read a video as a user does."""
    words = ["-m", "vision_cli", "rppg-adapt", "predict", video, "--threads", threads, "-o", folder / "run", "--json"]
    cost = run_measured("ours", [sys.executable, *map(str, words), "--no-pictures", "--quiet"], folder, threads)
    document = json.loads((folder / PRINTED).read_text(encoding="utf-8"))
    return Measurement("ours", video, seconds_of(video), float(document["videos"][0]["hr_bpm"]), cost)


def read_by_baseline(video: Path, folder: Path, threads: int, python: Path) -> Measurement:
    """Read a video by open-rppg's default model."""
    cost = run_measured("open-rppg", [str(python), "-c", OPEN_RPPG, str(video)], folder, threads)
    lines = (folder / PRINTED).read_text(encoding="utf-8", errors="replace").splitlines()
    said = next(line for line in lines if line.startswith(MARK))
    return Measurement("open-rppg", video, seconds_of(video), float(said.removeprefix(MARK)), cost)


def make_hd(folder: Path, seconds: float) -> Path:
    """Make a video of 1280 x 720 pixels."""
    words = [
        "synth",
        "--count",
        "1",
        "--seconds",
        seconds,
        "--size",
        "1280x720",
        "--preset",
        "easy",
        "-o",
        folder / "hd",
    ]
    subprocess.run([sys.executable, "-m", "vision_cli", "rppg-adapt", *map(str, words), "-q"], check=True)
    return next(path for path in sorted((folder / "hd").rglob("vid.*")))


def looped_pos(traces: NDArray[np.float64], fps: float) -> NDArray[np.float64]:
    """Work POS out a window at a time: Wang et al. 2017, algorithm 1, as toolboxes have it."""
    length = int(1.6 * fps)
    wave = np.zeros(len(traces))
    plane = np.array([[0, 1, -1], [-2, 1, 1]])
    for end in range(length, len(traces) + 1):
        window = traces[end - length : end]
        projected = plane @ (window / window.mean(axis=0)).T
        h = projected[0] + projected[0].std() / projected[1].std() * projected[1]
        wave[end - length : end] += h - h.mean()
    return wave


def cpu_seconds(work: Callable[[], object], repeats: int) -> float:
    """Least processor seconds of several calls; the first only warms up."""
    found = []
    for _ in range(repeats + 1):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found[1:])


def parts() -> dict[str, float]:
    """Time parts of ours beside what they replace; ratios of processor seconds."""
    rng = np.random.default_rng(0)
    traces = 100 + rng.normal(0, 1, (TRACE_FRAMES, 3))
    looped, ours = looped_pos(traces, FPS), -pos(traces, FPS)
    assert np.corrcoef(looped, ours)[0, 1] > 0.99
    model, physnet = load_model("default"), build_physnet().eval()
    side = model.settings.size
    frames = rng.integers(0, 256, (CLIP_FRAMES, side, side, 3), dtype=np.uint8)
    clip = torch.randn(1, 3, CLIP_FRAMES, CLIP_SIDE, CLIP_SIDE)

    @torch.no_grad()
    def physnet_once() -> None:
        physnet(clip)

    return {
        "POS": cpu_seconds(lambda: looped_pos(traces, FPS), 3) / cpu_seconds(lambda: pos(traces, FPS), 3),
        "network": cpu_seconds(lambda: model.predict_clip(frames), 3) / cpu_seconds(physnet_once, 2),
    }


def show(measurements: Sequence[Measurement]) -> None:
    """Print one row per measurement."""
    print(f"{'program':10}  {'video':24}  {'bpm':>6}  {'wall s':>7}  {'CPU s':>7}  {'MB':>6}  times real time")
    for one in measurements:
        cost = one.cost
        print(
            f"{one.program:10}  {one.video.name:24}  {one.bpm:6.1f}  {cost.wall_s:7.1f}  {cost.cpu_s:7.1f}  "
            f"{cost.peak_rss_mb:6.0f}  {one.seconds / cost.wall_s:.1f}"
        )


def main() -> None:
    """Read, time, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="*", type=Path)
    parser.add_argument("--hd", type=float, default=20.0, help="seconds of the video of 1280 x 720; 0 leaves it away")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--baselines-env", type=Path)
    words = parser.parse_args()
    required: list[tuple[str, float, str, float]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measurements = []
        if words.videos:
            python = baseline_python(PACKAGES, "open-rppg", words.baselines_env, Output(quiet=True))
        for number, video in enumerate(words.videos):
            for program in ("ours", "baseline"):
                (folder / f"{number}-{program}").mkdir()
            ours = read_by_ours(video, folder / f"{number}-ours", words.threads)
            theirs = read_by_baseline(video, folder / f"{number}-baseline", words.threads, python)
            measurements += [ours, theirs]
            required += [
                (f"{video.name}: bpm from open-rppg", abs(ours.bpm - theirs.bpm), "<=", 1.5),
                (f"{video.name}: wall seconds of open-rppg's", ours.cost.wall_s / theirs.cost.wall_s, "<=", 1 / 3),
            ]
        if words.hd:
            (folder / "hd-run").mkdir()
            hd = read_by_ours(make_hd(folder, words.hd), folder / "hd-run", words.threads)
            measurements.append(hd)
            required.append(("720p: times real time, cold start included", hd.seconds / hd.cost.wall_s, ">=", 5.0))
    show(measurements)
    torch.set_num_threads(1)
    ratios = parts()
    required += [
        ("POS: times as fast as a loop over windows", ratios["POS"], ">=", 20.0),
        ("network: CPU seconds of PhysNet's on 72 x 72", ratios["network"], "<=", 0.2),
    ]
    for what, value, relation, bound in required:
        met = value >= bound if relation == ">=" else value <= bound
        print(f"{what}: {value:.3f} (required: {relation} {bound:.3g}) {'met' if met else 'missed'}")


if __name__ == "__main__":
    main()
