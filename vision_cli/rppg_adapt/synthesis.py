"""Data sets of generated videos: the layout of UBFC-rPPG with a manifest beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from vision_cli.core.console import Output
from vision_cli.core.errors import UsageError
from vision_cli.core.runs import Run
from vision_cli.core.shards import Shard
from vision_cli.phantoms.pulse_videos import BOXES, LABELS, MANIFEST, Preset, PulseVideo, write_pulse_video

_COLUMNS = ("subject", "path", "label_path", "fps", "preset", "codec", "hr_bpm", "melanin", "motion", "skin_color")
_SHADES = ("light", "medium", "dark")


@dataclass(frozen=True)
class Synthesis:
    """What is made.

    Attributes
    ----------
    count, seconds, preset, fps, size, bpm
        See :class:`vision_cli.phantoms.pulse_videos.PulseVideo`; ``size`` is height and width.
    seed
        Of all videos; the n-th depends on it and on n alone.
    """

    count: int = 8
    seconds: float = 20.0
    preset: Preset = "hard"
    fps: float = 30.0
    size: tuple[int, int] = (240, 320)
    bpm: float | None = None
    seed: int = 0


def parse_size(text: str) -> tuple[int, int]:
    """Return height and width of ``WxH``.

    Raises
    ------
    UsageError
        If the text is none, or odd, or out of range.
    """
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    size = (int(match[2]), int(match[1])) if match else (0, 0)
    if not all(64 <= side <= 4096 and side % 2 == 0 for side in size):
        raise UsageError(f"--size: {text} found; WIDTHxHEIGHT, even numbers from 64 to 4096, expected.")
    return size


def make_videos(run: Run, synthesis: Synthesis, output: Output, *, shard: Shard | None = None) -> None:
    """Make every video that is not made yet, then the manifest."""
    numbers = list(range(synthesis.count))
    mine = numbers if shard is None else shard.take(numbers)
    done = run.items.done
    with output.progress("videos", len(mine)) as bar:
        for number in mine:
            name = f"subject{number + 1}"
            if name not in done:
                with run.attempt(name, number) as row:
                    row.update(_make(run, name, number, synthesis))
            bar.advance(note=name)
    run.finish_items()
    entries = [entry for entry in run.items.entries if entry.error is None]
    run.write_csv(MANIFEST, ("id", *_COLUMNS), [[e.id, *(e.row[c] for c in _COLUMNS)] for e in entries])


def _make(run: Run, name: str, number: int, synthesis: Synthesis) -> dict[str, object]:
    video = PulseVideo(
        np.random.default_rng((synthesis.seed, number)),
        synthesis.preset,
        seconds=synthesis.seconds,
        fps=synthesis.fps,
        size=synthesis.size,
        mean_bpm=synthesis.bpm,
    )
    with run.output(f"{name}/{LABELS}") as first:
        # All files of a video are written beside each other; the run takes them in one by one.
        path = write_pulse_video(first.parent, video)
        (first.parent / LABELS).replace(first)
    for other in (path.name, BOXES):
        source = run.directory / name / other
        with run.output(f"{name}/{other}") as target:
            source.replace(target)
    shade = _SHADES[min(int(3 * video.melanin), 2)]
    return {
        "subject": name,
        "path": f"{name}/{path.name}",
        "label_path": f"{name}/{LABELS}",
        "fps": synthesis.fps,
        "preset": synthesis.preset,
        "codec": video.codec,
        "hr_bpm": round(video.pulse.mean_bpm, 3),
        "melanin": round(video.melanin, 3),
        "motion": round(video.motion, 5),
        "skin_color": shade,
    }
