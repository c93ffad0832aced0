"""Pulse waves of a face: of the network and of the training-free methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from vision_cli.core.errors import UsageError
from vision_cli.rppg_adapt.faces.extraction import FaceClip, resample_clip, resample_traces
from vision_cli.rppg_adapt.networks.model import PulseModel
from vision_cli.rppg_adapt.options import NETWORK, PulseOptions, TrainingFreeMethod
from vision_cli.rppg_adapt.pipeline.results import PulseWave
from vision_cli.rppg_adapt.signals.classical import METHODS
from vision_cli.rppg_adapt.signals.quality import COMPARED_METHODS
from vision_cli.rppg_adapt.signals.spectra import Wave, bandpassed, detrended, integrated_wave

FASTEST_FPS = 120.0

_NET_FPS = 30.0


def network_wave(clip: FaceClip, model: PulseModel, band: tuple[float, float]) -> PulseWave:
    """Return the pulse wave that a network predicts for a clip, filtered to a band in Hz."""
    fps = model.settings.fps
    times, _, frames = resample_clip(clip, fps)
    unfiltered = integrated_wave(model.predict_clip(frames))
    return PulseWave(times, _standardised(bandpassed(unfiltered, fps, band)), _standardised(unfiltered), fps)


def pulse_waves(
    clip: FaceClip, options: PulseOptions, model: PulseModel | None, band: tuple[float, float]
) -> dict[str, PulseWave]:
    """Return the pulse waves of a clip by method: the network, the training-free methods and the one of the options.

    Raises
    ------
    UsageError
        If the network is asked for and there is none, or the clip has one channel only.
    """
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
    fps = float(np.clip(clip.fps, _NET_FPS, FASTEST_FPS))
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


def join_waves(parts: Sequence[Mapping[str, PulseWave]]) -> dict[str, PulseWave]:
    """Return the waves of successive parts of a clip as one wave a method, with steps of its times over the pauses.

    A part with another sampling rate than the first is interpolated to that of the first.
    """
    if len(parts) == 1:
        return dict(parts[0])
    joined = {}
    for method, first in parts[0].items():
        own = [_resampled(part[method], first.fps) for part in parts]
        joined[method] = PulseWave(
            np.concatenate([wave.times for wave in own]),
            np.concatenate([wave.values for wave in own]),
            np.concatenate([wave.unfiltered for wave in own]),
            first.fps,
        )
    return joined


def _resampled(wave: PulseWave, fps: float) -> PulseWave:
    if wave.fps == fps:
        return wave
    times = wave.times[0] + np.arange(int((wave.times[-1] - wave.times[0]) * fps) + 1) / fps
    return PulseWave(
        times, np.interp(times, wave.times, wave.values), np.interp(times, wave.times, wave.unfiltered), fps
    )


def _standardised(wave: Wave) -> Wave:
    return np.asarray((wave - wave.mean()) / (wave.std() + 1e-12))
