"""``evaluate``: score heart rates of a cache, of a run of ``predict``, or of outputs of rPPG-Toolbox against labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vision_cli.core.command.console import Output, Table
from vision_cli.core.errors import InputError
from vision_cli.core.runs.runs import Run
from vision_cli.core.shards.merge import read_entries
from vision_cli.io.pickles.pickles import load_tensors
from vision_cli.rppg_adapt.data.cache import CachedClip
from vision_cli.rppg_adapt.evaluation.metrics import Scores, VideoScore, macc, score_toolbox, score_videos, toolbox_snr
from vision_cli.rppg_adapt.networks.model import PulseModel
from vision_cli.rppg_adapt.options import NETWORK, ScoringProtocol, TrainingFreeMethod
from vision_cli.rppg_adapt.runs import verdicts
from vision_cli.rppg_adapt.runs.report import report_evaluation
from vision_cli.rppg_adapt.signals.classical import METHODS, pulse_wave
from vision_cli.rppg_adapt.signals.spectra import (
    Wave,
    bandpassed,
    detrended,
    heart_rate,
    heart_rate_band,
    integrated_wave,
)

_MEASURES = ("mae", "rmse", "mape", "pearson", "snr", "macc")
_TITLES = ("method", "videos", "MAE bpm", "RMSE bpm", "MAPE %", "Pearson", "SNR dB", "MACC")
_DERIVATIVE = "DiffNormalized"


@dataclass(frozen=True)
class ScoredWindow:
    """The score of a method on a window of a video.

    Attributes
    ----------
    id, method, window
        Name of the video, method, and index of the window.
    score
        The score.
    meta
        Metadata of the video.
    """

    id: str
    method: str
    window: int
    score: VideoScore
    meta: Mapping[str, str]


def evaluate_cache(
    clips: Sequence[CachedClip],
    methods: Sequence[str],
    model: PulseModel | None,
    output: Output,
    *,
    protocol: ScoringProtocol = "fine",
    window_s: float | None = None,
) -> list[ScoredWindow]:
    """Return the scores of methods on the clips of a cache that have labels.

    Parameters
    ----------
    clips
        The clips.
    methods
        Names of training-free methods, and ``net``.
    model
        The network of ``net``.
    output
        Console for progress.
    protocol
        ``fine``: interpolated peaks of spectra from 40 to 200 bpm; ``toolbox``: as in rPPG-Toolbox.
    window_s
        Length of the windows in seconds; None for whole videos.

    Raises
    ------
    InputError
        If no clip has labels.
    """
    found: list[ScoredWindow] = []
    with output.progress("clips", len(clips)) as bar:
        for clip in clips:
            label = clip.wave()
            if label is not None:
                for method in methods:
                    wave = _wave(clip, method, model)
                    for number, (x, y) in enumerate(_windows(wave, label, clip.fps, window_s)):
                        found.append(ScoredWindow(clip.id, method, number, _score(x, y, clip.fps, protocol), clip.meta))
            bar.advance(note=clip.id)
    if not found:
        raise InputError(
            "evaluate: no clip with labels found; one or more expected.", hint="Preprocess a data set with labels."
        )
    return found


def evaluate_toolbox_outputs(path: Path, *, protocol: ScoringProtocol = "toolbox") -> list[ScoredWindow]:
    """Return the scores of outputs saved by rPPG-Toolbox: predictions and labels of videos in chunks.

    Raises
    ------
    InputError
        If the file holds something else, or refers to objects other than tensors.
    """
    document = load_tensors(path)
    if not isinstance(document, dict) or not {"predictions", "labels", "fs"} <= set(document):
        raise InputError(f"{path}: no predictions, labels and fs found; outputs of rPPG-Toolbox expected.")
    try:
        fps = float(document["fs"])
        videos = [
            (str(name), _joined(chunks), _joined(document["labels"][name]))
            for name, chunks in document["predictions"].items()
        ]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: predictions and labels are not chunks of waves by video ({type(error).__name__}: {error}); "
            "outputs of rPPG-Toolbox expected."
        ) from error
    is_derivative = document.get("label_type", _DERIVATIVE) == _DERIVATIVE
    found = []
    for name, prediction, label in videos:
        if protocol == "toolbox":
            score = score_toolbox(prediction, label, fps, is_derivative=is_derivative)
        else:
            wave = integrated_wave if is_derivative else detrended
            score = _score(wave(prediction), wave(label), fps, protocol)
        found.append(ScoredWindow(name, "predictions", 0, score, {}))
    return found


def evaluate_run(directory: Path) -> list[ScoredWindow]:
    """Return the scores of a run of ``predict`` with ``--gt``, undivided or merged from shards.

    Raises
    ------
    InputError
        If no video has a true heart rate.
    """
    found = [
        ScoredWindow(
            entry.id,
            "predict",
            0,
            VideoScore(
                entry.number("hr_bpm"),
                entry.number("true_bpm"),
                entry.number("snr_db"),
                entry.number("wave_correlation"),
            ),
            {},
        )
        for entry in read_entries(directory)
        if entry.error is None and "true_bpm" in entry.row
    ]
    if not found:
        raise InputError(f"{directory}: no true heart rates found; a run of predict with --gt expected.")
    return found


def write_evaluation(run: Run, scored: Sequence[ScoredWindow], group_by: str | None = None) -> None:
    """Write ``per_video.csv``, ``metrics.json``, the pictures and the report; with ``group_by`` also ``groups.csv``.

    Raises
    ------
    InputError
        If no video has the column ``group_by``.
    """
    run.write_csv(
        "per_video.csv",
        ("id", "method", "window", "predicted_bpm", "true_bpm", "error_bpm", "snr_db", "macc"),
        [
            (
                one.id,
                one.method,
                one.window,
                *(
                    round(value, 4)
                    for value in (
                        one.score.predicted_bpm,
                        one.score.true_bpm,
                        one.score.predicted_bpm - one.score.true_bpm,
                        one.score.snr_db,
                        one.score.macc,
                    )
                ),
            )
            for one in scored
        ],
    )
    metrics: dict[str, float | int | str | None] = {}
    scores: dict[str, list[VideoScore]] = {}
    for one in scored:
        scores.setdefault(one.method, []).append(one.score)
    for method, own in scores.items():
        metrics.update(score_videos(own).flat(f"{method}_"))
    tables = [metrics_table(metrics)]
    worst = None
    if group_by is not None:
        columns, groups = ("method", group_by, *_TITLES[1:]), _groups(scored, group_by)
        run.write_csv("groups.csv", columns, groups)
        tables.append(Table(columns, groups, f"by {group_by}"))
        worst = _worst_group(scored, group_by)
    run.write_metrics(metrics)
    report_evaluation(run, scores, tables, videos=len({one.id for one in scored}), worst_group=worst)


def metrics_table(metrics: Mapping[str, Any]) -> Table:
    """Return the table of ``metrics.json``: one row per method, with standard errors."""
    methods = [name.removesuffix("_videos") for name in metrics if name.endswith("_videos")]
    keys = ("mae_bpm", "rmse_bpm", "mape_pct", "pearson", "snr_db", "macc")
    rows = []
    for method in methods:
        cells: list[object] = [method, metrics[f"{method}_videos"]]
        for key in keys:
            value, error = metrics.get(f"{method}_{key}"), metrics.get(f"{method}_{key}_se")
            cells.append(None if value is None else f"{value:.3f}" + ("" if error is None else f" ± {error:.3f}"))
        rows.append(tuple(cells))
    return Table(_TITLES, rows)


def _groups(scored: Sequence[ScoredWindow], column: str) -> list[tuple[object, ...]]:
    if not any(column in one.meta for one in scored):
        known = sorted({name for one in scored for name in one.meta})
        raise InputError(f"--group-by {column}: no such column; one of {', '.join(known) or 'none'} expected.")
    rows: list[tuple[object, ...]] = []
    for method in dict.fromkeys(one.method for one in scored):
        for value in sorted({one.meta.get(column, "") for one in scored}):
            own = [one.score for one in scored if one.method == method and one.meta.get(column, "") == value]
            if own:
                measured = score_videos(own)
                rows.append((method, value, measured.count, *_values(measured)))
    return rows


def _worst_group(scored: Sequence[ScoredWindow], column: str) -> str | None:
    """Return a sentence on the group with the largest mean error of the best method; None for a single group."""
    by_method: dict[str, list[ScoredWindow]] = {}
    for one in scored:
        by_method.setdefault(one.method, []).append(one)
    best = min(by_method, key=lambda method: verdicts.mean_error([one.score for one in by_method[method]]))
    errors = {
        value: verdicts.mean_error([one.score for one in by_method[best] if one.meta.get(column, "") == value])
        for value in sorted({one.meta.get(column, "") for one in by_method[best]})
    }
    if len(errors) < 2:
        return None
    worst = max(errors, key=lambda value: errors[value])
    return f"Greatest where {column} is {worst or 'unknown'}: {errors[worst]:.1f} bpm."


def _values(scores: Scores) -> list[float]:
    return [round(getattr(scores, name).value, 4) for name in _MEASURES]


def _wave(clip: CachedClip, method: str, model: PulseModel | None) -> Wave:
    if method != NETWORK:
        if method not in METHODS:
            raise InputError(f"--methods: {method} found; net, {', '.join(METHODS)} expected.")
        name: TrainingFreeMethod = method  # type: ignore[assignment]
        return pulse_wave(clip.traces(), clip.fps, name)
    if model is None:
        raise InputError("--methods net: no network found; weights expected.", hint="Give --weights.")
    return bandpassed(integrated_wave(model.predict_clip(clip.frames())), clip.fps, heart_rate_band(clip.fps))


def _windows(wave: Wave, label: Wave, fps: float, window_s: float | None) -> list[tuple[Wave, Wave]]:
    count = min(len(wave), len(label))
    if window_s is None or count < window_s * fps:
        return [(wave[:count], label[:count])]
    length = round(window_s * fps)
    return [(wave[k : k + length], label[k : k + length]) for k in range(0, count - length + 1, length)]


def _score(wave: Wave, label: Wave, fps: float, protocol: ScoringProtocol) -> VideoScore:
    if protocol == "toolbox":
        return score_toolbox(wave, label, fps, is_derivative=False)
    band = heart_rate_band(fps)
    true = bandpassed(detrended(label), fps, band)
    predicted_bpm, true_bpm = heart_rate(wave, fps).bpm, heart_rate(label, fps).bpm
    return VideoScore(predicted_bpm, true_bpm, toolbox_snr(wave, true_bpm, fps), macc(wave, true))


def _joined(chunks: Mapping[Any, Any]) -> Wave:
    """Return the wave of a video from its chunks, in the order of their keys."""
    return np.concatenate([np.asarray(chunks[key], dtype=np.float64).ravel() for key in sorted(chunks, key=int)])
