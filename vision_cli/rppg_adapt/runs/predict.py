"""``predict``: estimate the pulse in each video, and write its files into a folder of its own."""

from __future__ import annotations

from collections import Counter
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
from vision_cli.rppg_adapt.networks.files import load_model
from vision_cli.rppg_adapt.networks.model import PulseModel
from vision_cli.rppg_adapt.options import NETWORK, PulseOptions
from vision_cli.rppg_adapt.pipeline.pipeline import estimate_from_clip, estimate_from_video
from vision_cli.rppg_adapt.pipeline.results import PulseEstimate
from vision_cli.rppg_adapt.runs.predict_tables import COLUMNS, REPORT
from vision_cli.rppg_adapt.signals.blood_colour import NOT_BLOOD
from vision_cli.rppg_adapt.signals.quality import RELIABLE_QUALITY
from vision_cli.rppg_adapt.signals.spectra import heart_rate

SUMMARY, WAVE, RATES, BOXES = "summary.json", "wave.csv", "hr.csv", "boxes.csv"


def find_videos(paths: Sequence[Path]) -> list[Path]:
    """Return the paths with folders of videos replaced by their videos; a folder of pictures is a video.

    Raises
    ------
    InputError
        If a path does not exist, or a folder has neither videos nor pictures.
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
            raise InputError(f"{path}: neither videos nor pictures found in this folder; some expected.")
    return found


def left_out_notes(paths: Sequence[Path]) -> list[str]:
    """Return a note on each folder with files that `find_videos` leaves out, by suffix."""
    notes = []
    for path in paths:
        if not path.is_dir():
            continue
        files = [one for one in sorted(path.iterdir()) if one.is_file() and not one.name.startswith(".")]
        suffixes = [one.suffix.lower() for one in files]
        taken = VIDEO_SUFFIXES if not VIDEO_SUFFIXES.isdisjoint(suffixes) else PICTURE_SUFFIXES
        others = Counter(suffix or "no suffix" for suffix in suffixes if suffix not in taken)
        if others:
            said = ", ".join(f"{suffix} {count}" for suffix, count in sorted(others.items()))
            notes.append(
                f"{path}: {others.total()} file{'s' if others.total() > 1 else ''} of other kinds left out ({said})"
            )
    return notes


def unique_names(videos: Sequence[Path]) -> list[str]:
    """Return unique names of the videos: their stems, with a number if stems repeat."""
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
    """Estimate the pulse in each video that is not done yet, and write its files.

    Parameters
    ----------
    run
        The open run; each video has a folder of its name.
    videos
        All videos, as `find_videos` returns them.
    options
        See :func:`vision_cli.rppg_adapt.pipeline.pipeline.estimate_from_video`.
    weights, device
        Weights and device of the network, which is loaded only if a video needs it.
    output
        Console for lines and progress.
    truth
        File of the ground-truth wave of a single video.
    pictures
        Whether to draw a picture of each face.
    strict
        Whether a pulse that is not reliable is an error.

    Raises
    ------
    VcliError
        If a single video cannot be read, or has no reliable pulse with ``strict``.
    """
    model = None
    if options.method in {"auto", NETWORK} and not all(path.suffix.lower() in traces.SUFFIXES for path in videos):
        model = load_model(weights, device)
        run.record(weights={"path": str(model.path), "sha256": model.sha256})

    def work(video: tuple[str, Path]) -> Mapping[str, object]:
        return _predict_one(run, *video, options, model, truth, pictures, strict, output)

    run.each(
        list(zip(unique_names(videos), videos, strict=True)),
        work,
        name=lambda video: video[0],
        what="videos",
        output=output,
        # The error of a single video ends the command.
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
    """Write the files of a video's faces, and return the row of its first face."""
    if path.suffix.lower() in traces.SUFFIXES:
        estimates = [estimate_from_clip(traces.read_traces(path), options, None, name=str(path))]
    else:
        estimates = estimate_from_video(path, options, model)
    for estimate in estimates:
        folder = name if estimate.clip.number == 0 else f"{name}/face-{estimate.clip.number + 1}"
        _write_face(run, folder, path, estimate, model, pictures and estimate.clip.has_pictures)
        for note in estimate.notes:
            run.warn(f"{path.name}: {note}")
        output.detail(summary_line(name, estimate))
    first = estimates[0]
    row = _row(first)
    if len(estimates) > 1:
        row["other_faces_bpm"] = " ".join(f"{one.bpm:.1f}" for one in estimates[1:])
    if truth is not None:
        error, correlation = _compare_with_truth(first, truth)
        row |= {"true_bpm": first.bpm - error, "error_bpm": error, "wave_correlation": correlation}
    if strict and not first.is_reliable:
        cause = NOT_BLOOD if first.quality >= RELIABLE_QUALITY else "a quality of 0.5 or more expected"
        raise NumericalError(
            f"{path}: no reliable pulse: {first.bpm:.1f} bpm of quality {first.quality:.2f} found; {cause}.",
            hint="Use more and steadier light, a face that fills the picture, and less movement.",
        )
    return row


def summary_line(name: str, estimate: PulseEstimate) -> str:
    """Return rate, interval, quality and method of an estimate in one line."""
    low, high = estimate.interval_bpm
    reliable = "" if estimate.is_reliable else " (not reliable)"
    return (
        f"{name} HR {estimate.bpm:.1f} bpm [{low:.1f}, {high:.1f}] quality {estimate.quality:.2f} "
        f"{estimate.method}{reliable}"
    )


def _row(estimate: PulseEstimate) -> dict[str, object]:
    low, high = estimate.interval_bpm
    clip = estimate.clip
    values = (
        round(estimate.bpm, 3),
        round(low, 3),
        round(high, 3),
        round(estimate.quality, 4),
        estimate.is_reliable,
        estimate.method,
        round(estimate.snr_db, 3),
        round(clip.fps, 4),
        len(clip.times),
        round(clip.coverage, 4),
    )
    return dict(zip(COLUMNS, values, strict=True))


def _write_face(
    run: Run, folder: str, path: Path, estimate: PulseEstimate, model: PulseModel | None, picture: bool
) -> None:
    clip = estimate.clip
    run.write_csv(
        f"{folder}/{WAVE}",
        ("t", "bvp", "method"),
        [
            (round(float(t), 5), round(float(value), 6), method)
            for method in sorted(estimate.waves, key=lambda one: one != estimate.method)
            for t, value in zip(estimate.waves[method].times, estimate.waves[method].values, strict=True)
        ],
    )
    run.write_csv(
        f"{folder}/{RATES}",
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
            for w in estimate.windows
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
    run.write_json(f"{folder}/{SUMMARY}", _summary(path, estimate, model))
    if picture:
        with run.output(f"{folder}/{REPORT}") as target:
            figures.pulse_estimate(target, estimate, path.name)


def _summary(path: Path, estimate: PulseEstimate, model: PulseModel | None) -> dict[str, object]:
    clip, measured = estimate.clip, estimate.variability
    return {
        "input": path.name,
        "input_sha256": sha256(path),
        "hr_bpm": estimate.bpm,
        "hr_ci95": list(estimate.interval_bpm),
        "quality": estimate.quality,
        "reliable": estimate.is_reliable,
        "method": estimate.method,
        "snr_db": estimate.snr_db,
        "fps": clip.fps,
        "n_frames": len(clip.times),
        "seconds": clip.seconds,
        "dropped": clip.dropped,
        "face_coverage": clip.coverage,
        "hr_by_method": {method: rate.bpm for method, rate in estimate.by_method.items()},
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
                "sdnn_probability",
                "rmssd_probability",
            )
        },
        "resp_bpm": estimate.respiration_bpm,
        "weights_sha256": None if model is None else model.sha256,
        "notes": list(estimate.notes),
    }


def _compare_with_truth(estimate: PulseEstimate, truth: Path) -> tuple[float, float]:
    """Return the error of the rate in bpm, and the largest correlation with the true wave at lags up to a second."""
    label = labels.read_wave(truth, None, estimate.clip.times).checked(str(truth))
    wave = estimate.waves[estimate.method]
    true = label.interpolate(wave.times, str(truth))
    rate = heart_rate(true, wave.fps)
    reach = round(wave.fps)
    x, y = wave.values - wave.values.mean(), true - true.mean()
    lags = [np.corrcoef(x[reach:-reach], np.roll(y, k)[reach:-reach])[0, 1] for k in range(-reach, reach + 1)]
    return estimate.bpm - rate.bpm, float(np.max(lags))
