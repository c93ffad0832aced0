"""From a video to heart rates: faces, waves of several methods, windows, and which of them to believe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from vision_cli.core.errors import UsageError
from vision_cli.rppg_adapt.faces.crops import skin_trace
from vision_cli.rppg_adapt.faces.extraction import SHORT_SECONDS, FaceClip, read_faces, steady, steady_traces
from vision_cli.rppg_adapt.networks.files import PulseModel
from vision_cli.rppg_adapt.options import NETWORK, Classical, PulseOptions
from vision_cli.rppg_adapt.pipeline.results import PulseWave, Reading, Window
from vision_cli.rppg_adapt.signals import hrv
from vision_cli.rppg_adapt.signals.classical import METHODS, NEEDS_COLOUR, pulse_wave
from vision_cli.rppg_adapt.signals.quality import (
    CHOSEN_FROM,
    COMPARED,
    RELIABLE,
    features,
    likeliest_path,
    robust_mean,
    shipped_index,
)
from vision_cli.rppg_adapt.signals.spectra import (
    HeartRate,
    Wave,
    bandpassed,
    detrended,
    heart_rate,
    integral,
    rate_band,
)

_FASTEST_FPS = 120.0
_SLOW_FPS = 12.0
_NET_FPS = 30.0
_LEAST_CHANGE = 2e-5
_LEAST_COHERENCE = 0.2
_LEAST_HALVES = 8
_OF_HALVES: tuple[Classical, ...] = ("pos", "chrom")
_IRREGULAR = 0.15


def read_video(path: Path, options: PulseOptions, model: PulseModel | None) -> list[Reading]:
    """Read the pulses of the faces in a video.

    Parameters
    ----------
    path
        Video, or folder of pictures.
    options
        How.
    model
        The network; None for methods without one.

    Raises
    ------
    InputError
        If the video cannot be read or is too short.
    NoFace
        If there is no face in enough of it.
    UsageError
        If the method needs colours, or a network, that are not there.
    """
    size = 36 if model is None else max(36, model.settings.size)
    clips = read_faces(
        path,
        fps=options.fps,
        finding=options.finding,
        faces=options.faces,
        roi=options.roi,
        size=size,
    )
    return [read_clip(clip, options, model, name=str(path)) for clip in clips]


def read_clip(clip: FaceClip, options: PulseOptions, model: PulseModel | None, *, name: str = "clip") -> Reading:
    """Read the pulse of one face; see `read_video`."""
    if clip.is_gray and options.method in NEEDS_COLOUR:
        raise UsageError(
            f"{name}: one channel found; three expected for --method {options.method}.",
            hint="Use --method green.",
        )
    band = rate_band(min(clip.fps, _FASTEST_FPS), options.rates_bpm)
    notes = [*clip.notes, *_remarks(clip, options, band)]
    waves = _waves(clip, options, model, band)
    candidates = [options.method] if options.method != "auto" else [m for m in CHOSEN_FROM if m in waves] or ["green"]
    windows = _windows(clip, waves, candidates, options, band)
    by_method = {method: heart_rate(wave.values, wave.fps, band) for method, wave in waves.items()}
    quality = float(np.mean([window.quality for window in windows]))
    used = [window.method for window in windows]
    method = max(candidates, key=lambda one: (used.count(one), by_method[one].snr_db))
    bpm, half = _whole(windows, by_method[method])
    chosen = waves[method]
    variability, breaths = _derived(chosen, options, notes)
    return Reading(
        clip,
        bpm,
        (max(bpm - half, options.rates_bpm[0]), min(bpm + half, options.rates_bpm[1])),
        quality,
        quality >= RELIABLE,
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
    """Read the wave of a clip with a network."""
    fps = model.settings.fps
    times, _, frames = steady(clip, fps)
    whole = integral(model.read(frames))
    return PulseWave(times, _scaled(bandpassed(whole, fps, band)), _scaled(whole), fps)


def _waves(
    clip: FaceClip, options: PulseOptions, model: PulseModel | None, band: tuple[float, float]
) -> dict[str, PulseWave]:
    found: dict[str, PulseWave] = {}
    if model is not None and options.method in {"auto", NETWORK} and not clip.is_gray:
        if options.tta:
            from vision_cli.rppg_adapt.adaptation.adaptation import adapt_to_clip

            model = adapt_to_clip(model, steady(clip, model.settings.fps)[2], options.tta)
        found[NETWORK] = network_wave(clip, model, band)
    if options.method == NETWORK and NETWORK not in found:
        raise UsageError("--method net: no network for this video; a network and colours expected.")
    fps = float(np.clip(clip.fps, _NET_FPS, _FASTEST_FPS))
    times, traces = steady_traces(clip, fps)
    wanted: list[Classical] = ["green"] if clip.is_gray else list(COMPARED)
    if options.method in METHODS and options.method not in wanted:
        wanted.append(options.method)  # type: ignore[arg-type]
    for method in wanted:
        whole = detrended(METHODS[method](traces, fps))
        found[method] = PulseWave(times, _scaled(bandpassed(whole, fps, band)), _scaled(whole), fps)
    return found


def _windows(
    clip: FaceClip,
    waves: Mapping[str, PulseWave],
    candidates: Sequence[str],
    options: PulseOptions,
    band: tuple[float, float],
) -> list[Window]:
    index = shipped_index()
    first, last = float(clip.times[0]), float(clip.times[-1])
    length = min(options.window_s, last - first)
    starts = np.arange(first, last - length + 1e-6, options.step_s)
    offered: list[list[Window]] = []
    for start in starts:
        end = start + length
        rates = {}
        for method, wave in waves.items():
            inside = (wave.times >= start - 1e-9) & (wave.times <= end + 1e-9)
            rates[method] = heart_rate(wave.values[inside], wave.fps, band)
        # What was bridged is no evidence.
        seen = float(clip.is_seen[(clip.times >= start - 1e-9) & (clip.times <= end + 1e-9)].mean())
        offered.append(
            [
                Window(float(start), float(end), rates[one], seen * index.of(one, features(one, rates)), one)
                for one in candidates
            ]
        )
    path = likeliest_path(
        np.array([[window.rate.bpm for window in row] for row in offered]),
        np.array([[window.quality for window in row] for row in offered]),
    )
    chosen = [row[k] for row, k in zip(offered, path, strict=True)]
    # Of a still picture all methods read the same rounding errors, of noise the same noise.
    if _is_still(clip) or _is_noise(clip, band):
        return [replace(window, quality=0.0) for window in chosen]
    return chosen


def coherence(clip: FaceClip, band: tuple[float, float]) -> float:
    """Correlation of the waves of the left and of the right half of a face, by POS or CHROM, whichever is greater.

    Both halves share their pulse, but not the noise of the camera. 1 of what has no halves, or no colours.
    """
    size = clip.frames.shape[2]
    if size < _LEAST_HALVES or clip.is_gray:
        return 1.0
    middle = size // 2
    halves = [
        np.stack([skin_trace(frame[:, part], clip.skin[:, part]) for frame in clip.frames])
        for part in (slice(0, middle), slice(size - middle, size))
    ]
    fps = min(clip.fps, _FASTEST_FPS)
    pairs = [[pulse_wave(half, fps, method, band) for half in halves] for method in _OF_HALVES]
    return max(float(np.corrcoef(left, right)[0, 1]) for left, right in pairs)


def _is_noise(clip: FaceClip, band: tuple[float, float]) -> bool:
    return coherence(clip, band) < _LEAST_COHERENCE


def _is_still(clip: FaceClip) -> bool:
    means = np.abs(clip.traces.mean(axis=0)) + 1e-9
    return bool((clip.traces.std(axis=0) / means).max() < _LEAST_CHANGE)


def _whole(windows: Sequence[Window], whole: HeartRate) -> tuple[float, float]:
    """Give the rate of a video and half its interval: of short ones that of the whole wave."""
    if len({window.start_s for window in windows}) <= 2:
        best = windows[0] if len(windows) == 1 else max(windows, key=lambda window: window.quality)
        rate = whole if best.method and abs(whole.bpm - best.rate.bpm) < 1 else best.rate
        half = rate.half_width_bpm
        quality = best.quality
    else:
        rates = np.array([window.rate.bpm for window in windows])
        weights = np.array([window.quality for window in windows]) ** 2 + 1e-6
        mean = robust_mean(rates, weights)
        spread = float(np.sqrt(np.average((rates - mean) ** 2, weights=weights)))
        # Windows overlap: about one in ten seconds is independent.
        independent = max(1.0, (windows[-1].end_s - windows[0].start_s) / (windows[0].end_s - windows[0].start_s))
        half = float(
            np.hypot(1.96 * spread / np.sqrt(independent), np.median([w.rate.half_width_bpm for w in windows]))
        )
        rate, quality = (
            HeartRate(mean, whole.snr_db, whole.peak_share, whole.rival, half),
            float(np.average([window.quality for window in windows], weights=weights)),
        )
    return rate.bpm, half / max(quality, 0.1)


def _derived(wave: PulseWave, options: PulseOptions, notes: list[str]) -> tuple[hrv.Variability | None, float | None]:
    if not (options.hrv or options.respiration):
        return None, None
    seconds = len(wave.values) / wave.fps
    beats = hrv.find_beats(wave.whole, wave.fps)
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


def _remarks(clip: FaceClip, options: PulseOptions, band: tuple[float, float]) -> list[str]:
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


def _scaled(wave: Wave) -> Wave:
    return np.asarray((wave - wave.mean()) / (wave.std() + 1e-12))
