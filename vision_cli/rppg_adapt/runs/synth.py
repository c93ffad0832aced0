"""``synth``: a data set of generated videos in the layout of UBFC-rPPG, with a manifest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vision_cli.core.command.console import Output
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.core.runs.runs import Run
from vision_cli.phantoms.faces.pulse_videos import BOXES, LABELS, MANIFEST, PulseVideo, write_pulse_video
from vision_cli.rppg_adapt.options import Synthesis

_COLUMNS = ("subject", "path", "label_path", "fps", "preset", "codec", "hr_bpm", "melanin", "motion", "skin_color")
_PATHS = ("path", "label_path")
_SHADES = ("light", "medium", "dark")


def make_videos(run: Run, synthesis: Synthesis, seed: int, output: Output) -> None:
    """Generate each video that is not done yet; the n-th depends on the seed and n only."""
    run.each(
        range(synthesis.count),
        lambda number: _make(run, number, synthesis, seed),
        name=_name,
        what="videos",
        output=output,
    )


def write_manifest(run: RunFiles, entries: Sequence[Entry]) -> None:
    """Write the manifest of the videos, as ``preprocess`` reads it."""
    rows = [
        {"id": entry.id, **entry.row, **{name: run.path_of(entry, str(entry.row[name])) for name in _PATHS}}
        for entry in entries
        if entry.error is None
    ]
    run.write_csv(MANIFEST, ("id", *_COLUMNS), [[row["id"], *(row[column] for column in _COLUMNS)] for row in rows])


def _name(number: int) -> str:
    return f"subject{number + 1}"


def _make(run: Run, number: int, synthesis: Synthesis, seed: int) -> dict[str, object]:
    name = _name(number)
    video = PulseVideo(
        np.random.default_rng((seed, number)),
        synthesis.preset,
        seconds=synthesis.seconds,
        fps=synthesis.fps,
        size=synthesis.size,
        mean_bpm=synthesis.bpm,
    )
    with run.output(f"{name}/{LABELS}") as first:
        # All files of a video are written into one folder; then the run adopts them one by one.
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
