"""From a video to heart rates: faces, pulse waves of several methods, per-window rates, overall rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from vision_cli.core.errors import InputError, UsageError
from vision_cli.rppg_adapt.faces.crops import skin_trace
from vision_cli.rppg_adapt.faces.extraction import SHORT_SECONDS, SLOWEST_FPS, FaceClip, read_faces
from vision_cli.rppg_adapt.faces.pauses import split_at_pauses
from vision_cli.rppg_adapt.networks.model import PulseModel
from vision_cli.rppg_adapt.options import PulseOptions, TrainingFreeMethod
from vision_cli.rppg_adapt.pipeline.joining import overall_quality, overall_rate
from vision_cli.rppg_adapt.pipeline.results import PulseEstimate, PulseWave, WindowEstimate
from vision_cli.rppg_adapt.pipeline.waves import FASTEST_FPS, join_waves, pulse_waves
from vision_cli.rppg_adapt.signals import hrv
from vision_cli.rppg_adapt.signals.classical import NEEDS_COLOUR, pulse_wave
from vision_cli.rppg_adapt.signals.quality import (
    AUTO_METHODS,
    RELIABLE_QUALITY,
    default_index,
    quality_features,
    viterbi_path,
)
from vision_cli.rppg_adapt.signals.spectra import heart_rate, heart_rate_band

_SLOW_FPS = 12.0
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
    divided = split_at_pauses(clip)
    divided.require_parts(name)
    slowest = min(part.fps for part in divided.parts)
    if slowest < SLOWEST_FPS:
        raise InputError(
            f"{name}: {slowest:.2g} frames a second found; {SLOWEST_FPS:g} or more expected.",
            hint="Give the frame rate, as --fps 30, if the times of the file are wrong.",
        )
    band = heart_rate_band(min(slowest, FASTEST_FPS), options.rates_bpm)
    notes = [*clip.notes, *divided.notes, *_notes(clip, divided.parts, options, band)]
    separate = [pulse_waves(part, options, model, band) for part in divided.parts]
    candidates = (
        [options.method] if options.method != "auto" else [m for m in AUTO_METHODS if m in separate[0]] or ["green"]
    )
    windows = [
        _windows(part, own, candidates, options, band) for part, own in zip(divided.parts, separate, strict=True)
    ]
    waves = join_waves(separate)
    by_method = {method: wave.rate(band) for method, wave in waves.items()}
    quality = overall_quality(windows)
    used = [window.method for part in windows for window in part]
    method = max(candidates, key=lambda one: (used.count(one), by_method[one].snr_db))
    bpm, half_width = overall_rate(windows, by_method[method])
    variability, breaths = _variability_and_respiration(waves[method], options, notes)
    return PulseEstimate(
        clip,
        bpm,
        (max(bpm - half_width, options.rates_bpm[0]), min(bpm + half_width, options.rates_bpm[1])),
        quality,
        quality >= RELIABLE_QUALITY,
        method,
        by_method[method].snr_db,
        waves,
        tuple(window for part in windows for window in part),
        by_method,
        variability,
        breaths,
        tuple(notes),
    )


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
    fps = min(clip.fps, FASTEST_FPS)
    pairs = [[pulse_wave(half, fps, method, band) for half in halves] for method in _HALF_FACE_METHODS]
    return max(float(np.corrcoef(left, right)[0, 1]) for left, right in pairs)


def _is_noise(clip: FaceClip, band: tuple[float, float]) -> bool:
    return half_face_correlation(clip, band) < _LEAST_HALF_FACE_CORRELATION


def _is_still(clip: FaceClip) -> bool:
    means = np.abs(clip.traces.mean(axis=0)) + 1e-9
    return bool((clip.traces.std(axis=0) / means).max() < _LEAST_CHANGE)


def _variability_and_respiration(
    wave: PulseWave, options: PulseOptions, notes: list[str]
) -> tuple[hrv.Variability | None, float | None]:
    if not (options.hrv or options.respiration):
        return None, None
    # Intervals between beats end at a pause.
    longest = max(wave.parts, key=lambda part: part.stop - part.start)
    values, unfiltered = wave.values[longest], wave.unfiltered[longest]
    seconds = len(values) / wave.fps
    if len(wave.parts) > 1 and (options.hrv or options.respiration):
        notes.append(f"beats were read in the longest part between pauses, of {seconds:.0f} s")
    beats = hrv.find_beats(unfiltered, wave.fps)
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
        breaths = hrv.respiration_bpm(values, beats, wave.fps)
        if seconds < hrv.RESPIRATION_SECONDS:
            notes.append(f"{seconds:.0f} s are too short for breathing; {hrv.RESPIRATION_SECONDS:.0f} s are needed")
    return measured, breaths


def _notes(clip: FaceClip, parts: Sequence[FaceClip], options: PulseOptions, band: tuple[float, float]) -> list[str]:
    notes = []
    if clip.damage:
        notes.append(f"{clip.damage}; what came before was read")
    if clip.seconds < SHORT_SECONDS - 0.1:
        notes.append(f"{clip.seconds:.1f} s are short: the interval is wide; film for ten seconds or more")
    if min(part.fps for part in parts) < _SLOW_FPS:
        notes.append(f"{clip.fps:.1f} frames a second: rates above {60 * band[1]:.0f} bpm cannot be seen")
    if all(_is_still(part) for part in parts):
        notes.append("the colours of the skin do not change at all: a still picture, or a broken recording")
    elif all(_is_noise(part, band) for part in parts):
        notes.append("the halves of the face have no pulse in common: noise")
    if clip.seen_share < 1:
        missing = 100 * (1 - clip.seen_share)
        share = f"{missing:.0f} %" if missing >= 1 else "less than 1 %"
        notes.append(f"the face is not seen in {share} of the frames")
    if clip.is_gray and options.method == "auto":
        notes.append("gray video: the green method alone was used")
    return notes
