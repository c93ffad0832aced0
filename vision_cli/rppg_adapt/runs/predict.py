"""What ``predict`` does with files: each video into a folder of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from vision_cli.core.command.console import Output
from vision_cli.core.errors import InputError, NumericalError
from vision_cli.core.runs.files import sha256
from vision_cli.core.runs.runs import Run
from vision_cli.io.videos.videos import PICTURE_SUFFIXES, VIDEO_SUFFIXES
from vision_cli.rppg_adapt import figures
from vision_cli.rppg_adapt.data import labels, traces
from vision_cli.rppg_adapt.networks.files import PulseModel, load_model
from vision_cli.rppg_adapt.options import NETWORK, PulseOptions
from vision_cli.rppg_adapt.pipeline.pipeline import read_clip, read_video
from vision_cli.rppg_adapt.pipeline.results import Reading
from vision_cli.rppg_adapt.runs.predict_tables import COLUMNS, REPORT
from vision_cli.rppg_adapt.signals.spectra import heart_rate

SUMMARY, WAVE, TRACK, BOXES = "summary.json", "wave.csv", "hr.csv", "boxes.csv"


def find_videos(paths: Sequence[Path]) -> list[Path]:
    """Expand folders: one with videos is those, one with pictures is a video itself; tables are traces.

    Raises
    ------
    InputError
        If a path is not there, or a folder has neither.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            if not path.exists():
                raise InputError(f"{path}: no such file.", hint="Check the name.")
            found.append(path)
            continue
        inside = sorted(one for one in path.iterdir() if one.suffix.lower() in VIDEO_SUFFIXES)
        if inside:
            found += inside
        elif any(one.suffix.lower() in PICTURE_SUFFIXES for one in path.iterdir()):
            found.append(path)
        else:
            raise InputError(f"{path}: neither videos nor pictures in this folder; some expected.")
    return found


def names_of(videos: Sequence[Path]) -> list[str]:
    """Give every video a name of its own: its stem, with a number where stems repeat."""
    stems = [path.name if path.is_dir() else path.stem for path in videos]
    taken: dict[str, int] = {}
    names = []
    for stem in stems:
        taken[stem] = taken.get(stem, 0) + 1
        names.append(stem if taken[stem] == 1 else f"{stem}-{taken[stem]}")
    return names


def predict_files(
    run: Run,
    videos: Sequence[Path],
    options: PulseOptions,
    weights: str,
    device: torch.device,
    output: Output,
    *,
    truth: Path | None = None,
    pictures: bool = True,
    strict: bool = False,
) -> None:
    """Read every video that is not done yet.

    Parameters
    ----------
    run
        The open run; each video goes to a folder of its name.
    videos
        The whole list, as `find_videos` gives it.
    options
        See :func:`vision_cli.rppg_adapt.pipeline.pipeline.read_video`.
    weights, device
        Of the network, which is loaded where it is needed.
    output
        Where lines and progress go.
    truth
        A true wave, for one video.
    pictures
        Whether reports are drawn.
    strict
        Whether a rate that is not reliable is an error.

    Raises
    ------
    VcliError
        If one video alone cannot be read, or with ``strict`` has no reliable pulse.
    """
    model = None
    if options.method in {"auto", NETWORK} and not all(path.suffix.lower() in traces.SUFFIXES for path in videos):
        model = load_model(weights, device)
        run.record(weights={"path": str(model.path), "sha256": model.sha256})

    def work(video: tuple[str, Path]) -> Mapping[str, object]:
        return _predict_one(run, *video, options, model, truth, pictures, strict, output)

    run.each(
        list(zip(names_of(videos), videos, strict=True)),
        work,
        name=lambda video: video[0],
        what="videos",
        output=output,
        # One video's error is the command's.
        raises=len(videos) == 1,
    )


def _predict_one(
    run: Run,
    name: str,
    path: Path,
    options: PulseOptions,
    model: PulseModel | None,
    truth: Path | None,
    pictures: bool,
    strict: bool,
    output: Output,
) -> dict[str, object]:
    if path.suffix.lower() in traces.SUFFIXES:
        readings = [read_clip(traces.read_traces(path), options, None, name=str(path))]
    else:
        readings = read_video(path, options, model)
    for reading in readings:
        folder = name if reading.clip.number == 0 else f"{name}/face-{reading.clip.number + 1}"
        _write(run, folder, path, reading, model, pictures and reading.clip.frames.shape[1] > 1)
        for note in reading.notes:
            run.warn(f"{path.name}: {note}")
        output.detail(line(name, reading))
    first = readings[0]
    row = _row(first)
    if len(readings) > 1:
        row["other_faces_bpm"] = " ".join(f"{one.bpm:.1f}" for one in readings[1:])
    if truth is not None:
        error, agreement = _against(first, truth)
        row |= {"true_bpm": first.bpm - error, "error_bpm": error, "wave_correlation": agreement}
    if strict and not first.is_reliable:
        raise NumericalError(
            f"{path}: quality {first.quality:.2f} of {first.bpm:.1f} bpm; 0.5 or more expected: no reliable pulse.",
            hint="More and steadier light, a face that fills the picture, less movement.",
        )
    return row


def line(name: str, reading: Reading) -> str:
    """Say a reading in one line."""
    low, high = reading.interval_bpm
    reliable = "" if reading.is_reliable else " (not reliable)"
    return (
        f"{name} HR {reading.bpm:.1f} bpm [{low:.1f}, {high:.1f}] quality {reading.quality:.2f} "
        f"{reading.method}{reliable}"
    )


def _row(reading: Reading) -> dict[str, object]:
    low, high = reading.interval_bpm
    clip = reading.clip
    values = (
        round(reading.bpm, 3),
        round(low, 3),
        round(high, 3),
        round(reading.quality, 4),
        reading.is_reliable,
        reading.method,
        round(reading.snr_db, 3),
        round(clip.fps, 4),
        len(clip.times),
        round(clip.coverage, 4),
    )
    return dict(zip(COLUMNS, values, strict=True))


def _write(run: Run, folder: str, path: Path, reading: Reading, model: PulseModel | None, picture: bool) -> None:
    clip = reading.clip
    run.write_csv(
        f"{folder}/{WAVE}",
        ("t", "bvp", "method"),
        [
            (round(float(t), 5), round(float(value), 6), method)
            for method in sorted(reading.waves, key=lambda one: one != reading.method)
            for t, value in zip(reading.waves[method].times, reading.waves[method].values, strict=True)
        ],
    )
    run.write_csv(
        f"{folder}/{TRACK}",
        ("t_start", "t_end", "hr", "hr_low", "hr_high", "quality", "snr_db", "method"),
        [
            (
                round(w.start_s, 3),
                round(w.end_s, 3),
                round(w.rate.bpm, 3),
                *(round(edge, 3) for edge in w.rate.interval_bpm),
                round(w.quality, 4),
                round(w.rate.snr_db, 3),
                w.method,
            )
            for w in reading.windows
        ],
    )
    run.write_csv(
        f"{folder}/{BOXES}",
        ("t", "x", "y", "width", "height", "seen"),
        [
            (round(float(t), 5), *(round(float(v), 2) for v in box), int(seen))
            for t, box, seen in zip(clip.times, clip.boxes, clip.is_seen, strict=True)
        ],
    )
    run.write_json(f"{folder}/{SUMMARY}", _summary(path, reading, model))
    if picture:
        with run.output(f"{folder}/{REPORT}") as target:
            figures.reading(target, reading, path.name)


def _summary(path: Path, reading: Reading, model: PulseModel | None) -> dict[str, object]:
    clip, measured = reading.clip, reading.variability
    return {
        "input": path.name,
        "input_sha256": sha256(path),
        "hr_bpm": reading.bpm,
        "hr_ci95": list(reading.interval_bpm),
        "quality": reading.quality,
        "reliable": reading.is_reliable,
        "method": reading.method,
        "snr_db": reading.snr_db,
        "fps": clip.fps,
        "n_frames": len(clip.times),
        "seconds": clip.seconds,
        "dropped": clip.dropped,
        "face_coverage": clip.coverage,
        "hr_by_method": {method: rate.bpm for method, rate in reading.by_method.items()},
        "hrv": None
        if measured is None
        else {
            name: getattr(measured, name)
            for name in (
                "beats",
                "rejected_share",
                "mean_bpm",
                "sdnn_ms",
                "rmssd_ms",
                "pnn50_pct",
                "lf_ms2",
                "hf_ms2",
                "lf_hf",
            )
        },
        "resp_bpm": reading.respiration_bpm,
        "weights_sha256": None if model is None else model.sha256,
        "notes": list(reading.notes),
    }


def _against(reading: Reading, truth: Path) -> tuple[float, float]:
    """Give the error of the rate against a true wave, and how well the waves agree at the best lag within a second."""
    label = labels.any_wave(truth, None, reading.clip.times).checked(str(truth))
    wave = reading.waves[reading.method]
    true = label.at(wave.times, str(truth))
    rate = heart_rate(true, wave.fps)
    reach = round(wave.fps)
    x, y = wave.values - wave.values.mean(), true - true.mean()
    lags = [np.corrcoef(x[reach:-reach], np.roll(y, k)[reach:-reach])[0, 1] for k in range(-reach, reach + 1)]
    return reading.bpm - rate.bpm, float(np.max(lags))
