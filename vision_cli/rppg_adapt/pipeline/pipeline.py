"""From a video to heart rates: faces, pulse waves of several methods, per-window rates, overall rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from vision_cli.core.errors import UsageError
from vision_cli.rppg_adapt.faces.crops import skin_trace
from vision_cli.rppg_adapt.faces.extraction import SHORT_SECONDS, FaceClip, read_faces, resample_clip, resample_traces
from vision_cli.rppg_adapt.networks.model import PulseModel
from vision_cli.rppg_adapt.options import NETWORK, PulseOptions, TrainingFreeMethod
from vision_cli.rppg_adapt.pipeline.results import PulseEstimate, PulseWave, WindowEstimate
from vision_cli.rppg_adapt.signals import hrv
from vision_cli.rppg_adapt.signals.classical import METHODS, NEEDS_COLOUR, pulse_wave
from vision_cli.rppg_adapt.signals.quality import (
    AUTO_METHODS,
    COMPARED_METHODS,
    RELIABLE_QUALITY,
    default_index,
    quality_features,
    robust_mean,
    viterbi_path,
)
from vision_cli.rppg_adapt.signals.spectra import (
    HeartRate,
    Wave,
    bandpassed,
    detrended,
    heart_rate,
    heart_rate_band,
    integrated_wave,
)

_FASTEST_FPS = 120.0
_SLOW_FPS = 12.0
_NET_FPS = 30.0
_LEAST_CHANGE = 2e-5
_LEAST_HALF_FACE_CORRELATION = 0.2
_LEAST_HALVED_SIZE = 8
_HALF_FACE_METHODS: tuple[TrainingFreeMethod, ...] = ("pos", "chrom")
_IRREGULAR = 0.15


def estimate_from_video(path: Path, options: PulseOptions, model: PulseModel | None) -> list[PulseEstimate]:
    """Return the pulse estimates of the faces in a video, largest face first.

    Parameters
    ----------
    path
        Video, or folder of pictures.
    options
        Settings.
    model
        The network; None for training-free methods only.

    Raises
    ------
    InputError
        If the video cannot be read or is too short.
    NoFace
        If no face is seen in 70 % of the frames.
    UsageError
        If the method needs colours and the video is gray, or needs a network and there is none.
    """
    size = 36 if model is None else max(36, model.settings.size)
    clips = read_faces(
        path,
        fps=options.fps,
        detection=options.detection,
        faces=options.faces,
        roi=options.roi,
        size=size,
    )
    return [estimate_from_clip(clip, options, model, name=str(path)) for clip in clips]


def estimate_from_clip(
    clip: FaceClip, options: PulseOptions, model: PulseModel | None, *, name: str = "clip"
) -> PulseEstimate:
    """Return the pulse estimate of one face; see `estimate_from_video`. ``name`` stands in error messages."""
    if clip.is_gray and options.method in NEEDS_COLOUR:
        raise UsageError(
            f"{name}: one channel found; three expected for --method {options.method}.",
            hint="Use --method green.",
        )
    band = heart_rate_band(min(clip.fps, _FASTEST_FPS), options.rates_bpm)
    notes = [*clip.notes, *_notes(clip, options, band)]
    waves = _waves(clip, options, model, band)
    candidates = [options.method] if options.method != "auto" else [m for m in AUTO_METHODS if m in waves] or ["green"]
    windows = _windows(clip, waves, candidates, options, band)
    by_method = {method: heart_rate(wave.values, wave.fps, band) for method, wave in waves.items()}
    quality = float(np.mean([window.quality for window in windows]))
    used = [window.method for window in windows]
    method = max(candidates, key=lambda one: (used.count(one), by_method[one].snr_db))
    bpm, half_width = _overall_rate(windows, by_method[method])
    chosen = waves[method]
    variability, breaths = _variability_and_respiration(chosen, options, notes)
    return PulseEstimate(
        clip,
        bpm,
        (max(bpm - half_width, options.rates_bpm[0]), min(bpm + half_width, options.rates_bpm[1])),
        quality,
        quality >= RELIABLE_QUALITY,
        method,
        by_method[method].snr_db,
        waves,
        tuple(windows),
        by_method,
        variability,
        breaths,
        tuple(notes),
    )


def network_wave(clip: FaceClip, model: PulseModel, band: tuple[float, float]) -> PulseWave:
    """Return the pulse wave that a network predicts for a clip, filtered to a band in Hz."""
    fps = model.settings.fps
    times, _, frames = resample_clip(clip, fps)
    unfiltered = integrated_wave(model.predict_clip(frames))
    return PulseWave(times, _standardised(bandpassed(unfiltered, fps, band)), _standardised(unfiltered), fps)


def _waves(
    clip: FaceClip, options: PulseOptions, model: PulseModel | None, band: tuple[float, float]
) -> dict[str, PulseWave]:
    """Return the pulse waves of a clip by method: the network, the training-free methods and the one of the options."""
    found: dict[str, PulseWave] = {}
    if model is not None and options.method in {"auto", NETWORK} and not clip.is_gray:
        if options.tta:
            from vision_cli.rppg_adapt.adaptation.adaptation import adapt_to_clip

            model = adapt_to_clip(model, resample_clip(clip, model.settings.fps)[2], options.tta)
        found[NETWORK] = network_wave(clip, model, band)
    if options.method == NETWORK and NETWORK not in found:
        raise UsageError(
            "--method net: no network for this video found; a network and a colour video expected.",
            hint="Use --method green, or --method auto.",
        )
    fps = float(np.clip(clip.fps, _NET_FPS, _FASTEST_FPS))
    times, traces = resample_traces(clip, fps)
    wanted: list[TrainingFreeMethod] = ["green"] if clip.is_gray else list(COMPARED_METHODS)
    if options.method in METHODS and options.method not in wanted:
        wanted.append(options.method)  # type: ignore[arg-type]
    for method in wanted:
        unfiltered = detrended(METHODS[method](traces, fps))
        found[method] = PulseWave(
            times, _standardised(bandpassed(unfiltered, fps, band)), _standardised(unfiltered), fps
        )
    return found


def _windows(
    clip: FaceClip,
    waves: Mapping[str, PulseWave],
    candidates: Sequence[str],
    options: PulseOptions,
    band: tuple[float, float],
) -> list[WindowEstimate]:
    """Return the estimate of each window: of the candidates, those on the path of high quality without jumps."""
    index = default_index()
    first, last = float(clip.times[0]), float(clip.times[-1])
    length = min(options.window_s, last - first)
    starts = np.arange(first, last - length + 1e-6, options.step_s)
    estimates: list[list[WindowEstimate]] = []
    for start in starts:
        end = start + length
        rates = {}
        for method, wave in waves.items():
            inside = (wave.times >= start - 1e-9) & (wave.times <= end + 1e-9)
            rates[method] = heart_rate(wave.values[inside], wave.fps, band)
        # Interpolated frames carry no pulse.
        seen = float(clip.is_seen[(clip.times >= start - 1e-9) & (clip.times <= end + 1e-9)].mean())
        estimates.append(
            [
                WindowEstimate(
                    float(start),
                    float(end),
                    rates[one],
                    seen * index.probability(one, quality_features(one, rates)),
                    one,
                )
                for one in candidates
            ]
        )
    path = viterbi_path(
        np.array([[window.rate.bpm for window in row] for row in estimates]),
        np.array([[window.quality for window in row] for row in estimates]),
    )
    chosen = [row[k] for row, k in zip(estimates, path, strict=True)]
    # On a still picture or on noise all methods agree on the same rounding errors or noise.
    if _is_still(clip) or _is_noise(clip, band):
        return [replace(window, quality=0.0) for window in chosen]
    return chosen


def half_face_correlation(clip: FaceClip, band: tuple[float, float]) -> float:
    """Return the correlation of the waves of the left and right half of a face, by POS or CHROM, whichever is larger.

    Both halves have the same pulse, but independent noise of the camera. 1 for gray clips and for crops of less than
    eight pixels.
    """
    size = clip.frames.shape[2]
    if size < _LEAST_HALVED_SIZE or clip.is_gray:
        return 1.0
    middle = size // 2
    halves = [
        np.stack([skin_trace(frame[:, part], clip.skin[:, part]) for frame in clip.frames])
        for part in (slice(0, middle), slice(size - middle, size))
    ]
    fps = min(clip.fps, _FASTEST_FPS)
    pairs = [[pulse_wave(half, fps, method, band) for half in halves] for method in _HALF_FACE_METHODS]
    return max(float(np.corrcoef(left, right)[0, 1]) for left, right in pairs)


def _is_noise(clip: FaceClip, band: tuple[float, float]) -> bool:
    return half_face_correlation(clip, band) < _LEAST_HALF_FACE_CORRELATION


def _is_still(clip: FaceClip) -> bool:
    means = np.abs(clip.traces.mean(axis=0)) + 1e-9
    return bool((clip.traces.std(axis=0) / means).max() < _LEAST_CHANGE)


def _overall_rate(windows: Sequence[WindowEstimate], whole_wave: HeartRate) -> tuple[float, float]:
    """Return the overall rate of a video and half of the width of its 95 % interval, bpm.

    Of one or two windows the best rate is taken, or that of the whole wave if both agree within 1 bpm. Of more windows
    the robust mean is taken, weighted by squared quality; its interval combines the spread of the rates with their
    median interval. A low quality widens the interval.
    """
    if len({window.start_s for window in windows}) <= 2:
        best = windows[0] if len(windows) == 1 else max(windows, key=lambda window: window.quality)
        rate = whole_wave if abs(whole_wave.bpm - best.rate.bpm) < 1 else best.rate
        return rate.bpm, rate.half_width_bpm / max(best.quality, 0.1)
    rates = np.array([window.rate.bpm for window in windows])
    qualities = np.array([window.quality for window in windows])
    weights = qualities**2 + 1e-6
    mean = robust_mean(rates, weights)
    spread = float(np.sqrt(np.average((rates - mean) ** 2, weights=weights)))
    # Windows overlap: only one per window length is independent.
    independent = max(1.0, (windows[-1].end_s - windows[0].start_s) / (windows[0].end_s - windows[0].start_s))
    half_width = float(
        np.hypot(1.96 * spread / np.sqrt(independent), np.median([w.rate.half_width_bpm for w in windows]))
    )
    return mean, half_width / max(float(np.average(qualities, weights=weights)), 0.1)


def _variability_and_respiration(
    wave: PulseWave, options: PulseOptions, notes: list[str]
) -> tuple[hrv.Variability | None, float | None]:
    if not (options.hrv or options.respiration):
        return None, None
    seconds = len(wave.values) / wave.fps
    beats = hrv.find_beats(wave.unfiltered, wave.fps)
    if beats.rejected_share > _IRREGULAR:
        notes.append(
            f"{100 * beats.rejected_share:.0f} % of the intervals between beats are unlike their neighbours: "
            "movement, or a heart that beats irregularly"
        )
    measured, breaths = None, None
    if options.hrv:
        measured = hrv.variability(beats, seconds)
        for what, needed in (("SDNN and RMSSD", hrv.SDNN_SECONDS), ("LF and HF", hrv.BANDS_SECONDS)):
            if seconds < needed:
                notes.append(f"{seconds:.0f} s are too short for {what}; {needed:.0f} s or more are needed")
    if options.respiration:
        breaths = hrv.respiration_bpm(wave.values, beats, wave.fps)
        if seconds < hrv.RESPIRATION_SECONDS:
            notes.append(f"{seconds:.0f} s are too short for breathing; {hrv.RESPIRATION_SECONDS:.0f} s are needed")
    return measured, breaths


def _notes(clip: FaceClip, options: PulseOptions, band: tuple[float, float]) -> list[str]:
    notes = []
    if clip.damage:
        notes.append(f"{clip.damage}; what came before was read")
    if clip.seconds < SHORT_SECONDS - 0.1:
        notes.append(f"{clip.seconds:.1f} s are short: the interval is wide; film for ten seconds or more")
    if clip.fps < _SLOW_FPS:
        notes.append(f"{clip.fps:.1f} frames a second: rates above {60 * band[1]:.0f} bpm cannot be seen")
    if _is_still(clip):
        notes.append("the colours of the skin do not change at all: a still picture, or a broken recording")
    elif _is_noise(clip, band):
        notes.append("the halves of the face have no pulse in common: noise")
    if clip.coverage < 1:
        notes.append(f"the face is not seen in {100 * (1 - clip.coverage):.0f} % of the frames")
    if clip.is_gray and options.method == "auto":
        notes.append("gray video: the green method alone was used")
    return notes


def _standardised(wave: Wave) -> Wave:
    return np.asarray((wave - wave.mean()) / (wave.std() + 1e-12))
