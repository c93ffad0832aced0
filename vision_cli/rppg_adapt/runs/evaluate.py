"""Heart rates against labels: over a cache, over a run of ``predict``, over outputs of rPPG-Toolbox."""

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
from vision_cli.rppg_adapt.evaluation.metrics import Scores, VideoScore, macc, score_videos, toolbox_snr, toolbox_video
from vision_cli.rppg_adapt.networks.files import PulseModel
from vision_cli.rppg_adapt.options import NETWORK, Classical, ScoringProtocol
from vision_cli.rppg_adapt.runs import verdicts
from vision_cli.rppg_adapt.runs.report import report_evaluation
from vision_cli.rppg_adapt.signals.classical import METHODS, pulse_wave
from vision_cli.rppg_adapt.signals.spectra import Wave, bandpassed, detrended, heart_rate, integral, rate_band

_MEASURES = ("mae", "rmse", "mape", "pearson", "snr", "macc")
_TITLES = ("method", "videos", "MAE bpm", "RMSE bpm", "MAPE %", "Pearson", "SNR dB", "MACC")
_DERIVATIVE = "DiffNormalized"


@dataclass(frozen=True)
class Scored:
    """A window of a video under a method.

    Attributes
    ----------
    id, method, window
        Which.
    score
        Its result.
    meta
        What else is known of the video.
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
) -> list[Scored]:
    """Score methods on the clips of a cache that have labels.

    Parameters
    ----------
    clips
        The clips.
    methods
        Names of classical methods, and ``net``.
    model
        The network of ``net``.
    output
        Where progress is shown.
    protocol
        ``fine``: peaks between the bins of spectra from 40 to 200 bpm; ``toolbox``: as rPPG-Toolbox does.
    window_s
        Length of the windows in seconds; None for whole videos.

    Raises
    ------
    InputError
        If no clip has labels.
    """
    found: list[Scored] = []
    with output.progress("clips", len(clips)) as bar:
        for clip in clips:
            label = clip.wave()
            if label is not None:
                for method in methods:
                    wave = _wave(clip, method, model)
                    for number, (x, y) in enumerate(_windows(wave, label, clip.fps, window_s)):
                        found.append(Scored(clip.id, method, number, _score(x, y, clip.fps, protocol), clip.meta))
            bar.advance(note=clip.id)
    if not found:
        raise InputError("evaluate: no clip of the cache has labels; some expected.")
    return found


def evaluate_pickle(path: Path, *, protocol: ScoringProtocol = "toolbox") -> list[Scored]:
    """Score outputs that rPPG-Toolbox saved: predictions and labels of videos in chunks.

    Raises
    ------
    InputError
        If the file holds something else, or names what is not data.
    """
    document = load_tensors(path)
    if not isinstance(document, dict) or not {"predictions", "labels", "fs"} <= set(document):
        raise InputError(f"{path}: no predictions, labels and fs in it; outputs of rPPG-Toolbox expected.")
    try:
        fps = float(document["fs"])
        videos = [
            (str(name), _joined(chunks), _joined(document["labels"][name]))
            for name, chunks in document["predictions"].items()
        ]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: predictions and labels that are no chunks of waves by video ({type(error).__name__}: {error}); "
            "outputs of rPPG-Toolbox expected."
        ) from error
    is_derivative = document.get("label_type", _DERIVATIVE) == _DERIVATIVE
    found = []
    for name, prediction, label in videos:
        if protocol == "toolbox":
            score = toolbox_video(prediction, label, fps, is_derivative=is_derivative)
        else:
            wave = integral if is_derivative else detrended
            score = _score(wave(prediction), wave(label), fps, protocol)
        found.append(Scored(name, "predictions", 0, score, {}))
    return found


def evaluate_run(directory: Path) -> list[Scored]:
    """Score a run of ``predict`` whose videos had ``--gt``, in one piece or merged from shards.

    Raises
    ------
    InputError
        If none had.
    """
    found = [
        Scored(
            entry.id,
            str(entry.row["method"]),
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
        raise InputError(f"{directory}: no true heart rates in this run; predict with --gt expected.")
    return [Scored(one.id, "predict", 0, one.score, {}) for one in found]


def write_evaluation(run: Run, scored: Sequence[Scored], group_by: str | None = None) -> None:
    """Write ``per_video.csv``, pictures, the report and ``metrics.json``; with ``group_by`` also measures by group.

    Raises
    ------
    InputError
        If no video has the column to group by.
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
    """Give the table of ``metrics.json``: a row a method, with standard errors."""
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


def _groups(scored: Sequence[Scored], column: str) -> list[tuple[object, ...]]:
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


def _worst_group(scored: Sequence[Scored], column: str) -> str | None:
    """Return in words which group has the greatest mean error, by the method that is best over all; None of one."""
    by_method: dict[str, list[Scored]] = {}
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
        name: Classical = method  # type: ignore[assignment]
        return pulse_wave(clip.traces(), clip.fps, name)
    if model is None:
        raise InputError("--methods net: no network; weights expected.", hint="Give --weights.")
    return bandpassed(integral(model.read(clip.frames())), clip.fps, rate_band(clip.fps))


def _windows(wave: Wave, label: Wave, fps: float, window_s: float | None) -> list[tuple[Wave, Wave]]:
    count = min(len(wave), len(label))
    if window_s is None or count < window_s * fps:
        return [(wave[:count], label[:count])]
    length = round(window_s * fps)
    return [(wave[k : k + length], label[k : k + length]) for k in range(0, count - length + 1, length)]


def _score(wave: Wave, label: Wave, fps: float, protocol: ScoringProtocol) -> VideoScore:
    if protocol == "toolbox":
        return toolbox_video(wave, label, fps, is_derivative=False)
    band = rate_band(fps)
    true = bandpassed(detrended(label), fps, band)
    predicted_bpm, true_bpm = heart_rate(wave, fps).bpm, heart_rate(label, fps).bpm
    return VideoScore(predicted_bpm, true_bpm, toolbox_snr(wave, true_bpm, fps), macc(wave, true))


def _joined(chunks: Mapping[Any, Any]) -> Wave:
    """Join the chunks of a video in their order."""
    return np.concatenate([np.asarray(chunks[key], dtype=np.float64).ravel() for key in sorted(chunks, key=int)])
