"""Witnesses of a pulse: the halves of the face, which share it, and the background and rigid motion, which do not.

The training-free methods read the same mean colours, so that they agree on noise and on a rhythm of the light or of the
camera too. The halves of a face have the same pulse but independent noise; a rhythm of the background is one of the
light, and one of the head's position is one of the person or the hand that holds the camera. The skin's colours change
by blood as neither light nor motion changes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.rppg_adapt.faces.colour_changes import ColourChanges
from vision_cli.rppg_adapt.faces.crops import skin_trace
from vision_cli.rppg_adapt.faces.extraction import FaceClip
from vision_cli.rppg_adapt.options import TrainingFreeMethod
from vision_cli.rppg_adapt.signals.blood_colour import blood_probability, colour_features
from vision_cli.rppg_adapt.signals.classical import METHODS
from vision_cli.rppg_adapt.signals.quality import AGREE_WITHIN_BPM, Evidence
from vision_cli.rppg_adapt.signals.spectra import HeartRate, Wave, bandpassed, detrended, heart_rate, power_spectrum

_COLOUR_METHODS: tuple[TrainingFreeMethod, ...] = ("pos", "chrom")
_GRAY_METHODS: tuple[TrainingFreeMethod, ...] = ("green",)
_LEAST_HALVED_SIZE = 8
_WIDE_HZ, _NEAR_HZ = 0.25, 0.1
_WIDTH = 36.0
_VISIBLE_MOTION_PX = 0.1
_SMALL = 1e-9
_GREEN = 1
_SAME_RATE_BPM = 0.5


@dataclass(frozen=True)
class Witnesses:
    """Waves of the witnesses of a clip without pauses, evenly sampled.

    Attributes
    ----------
    times
        ``(T,)`` seconds.
    fps
        Samples per second.
    halves
        Pulse waves ``(2, T)`` of the left and right half of the face by method; empty for clips without pictures.
    motion
        ``(2, T)`` rigid motion to the right and down, in pixels of a crop of 36; None for clips without pictures.
    background
        ``(T,)`` relative change of green in the background; None if it is not known.
    face
        ``(T,)`` relative change of green in the face.
    colours, moved
        ``(3, T)`` relative changes of red, green and blue of the skin, and the part that motion explains; None for
        gray clips and those without pictures.
    position
        ``(2, T)`` the rigid motion before the filter; None for clips without pictures.
    """

    times: Wave
    fps: float
    halves: Mapping[str, Wave]
    motion: Wave | None
    background: Wave | None
    face: Wave
    colours: Wave | None = None
    moved: Wave | None = None
    position: Wave | None = None

    @staticmethod
    def of(clip: FaceClip, times: Wave, fps: float, band: tuple[float, float]) -> Witnesses:
        """Return the witnesses of a clip at times ``(T,)``, filtered to a band in Hz."""

        def sampled(values: NDArray[np.float64]) -> Wave:
            """Return series ``(N, C)`` at the times, ``(C, T)``."""
            return np.stack([np.interp(times, clip.times, column) for column in values.T])

        def even(values: NDArray[np.float64]) -> Wave:
            """Return series ``(N, C)`` at the times, ``(C, T)``, filtered."""
            return bandpassed(detrended(sampled(values)), fps, band)

        def green(traces: NDArray[np.float64]) -> Wave:
            return np.asarray(even(traces[:, _GREEN : _GREEN + 1] / (traces[:, _GREEN].mean() + _SMALL))[0])

        halves: dict[str, Wave] = {}
        motion = colours = moved = position = None
        size = clip.frames.shape[2]
        if size >= _LEAST_HALVED_SIZE:
            middle = size // 2
            traces = [
                np.stack([skin_trace(frame[:, part], clip.skin[:, part]) for frame in clip.frames])
                for part in (slice(0, middle), slice(size - middle, size))
            ]
            for method in _GRAY_METHODS if clip.is_gray else _COLOUR_METHODS:
                own = []
                for trace in traces:
                    at = np.ascontiguousarray(sampled(trace).T)
                    own.append(bandpassed(detrended(METHODS[method](at, fps)), fps, band))
                halves[method] = np.stack(own)
            position = sampled(rigid_motion(clip.frames) * (_WIDTH / size))
            motion = bandpassed(detrended(position), fps, band)
            if not clip.is_gray:
                changes = ColourChanges.of(clip.frames, clip.skin)
                colours, moved = sampled(changes.total), sampled(changes.of_motion)
        background = None if clip.background is None else green(clip.background)
        return Witnesses(times, fps, halves, motion, background, green(clip.traces), colours, moved, position)

    def evidence(self, start_s: float, end_s: float, rates: Mapping[str, HeartRate]) -> dict[str, Evidence]:
        """Return what the witnesses say of the rates of a window, by method."""
        inside = (self.times >= start_s - 1e-9) & (self.times <= end_s + 1e-9)
        halves = {method: own[:, inside] for method, own in self.halves.items()}
        of_halves = np.array([heart_rate(half, self.fps).bpm for own in halves.values() for half in own])
        found: dict[int, Evidence] = {}
        said = {}
        for method, rate in rates.items():
            if not np.isfinite(rate.bpm) or inside.sum() < 2:
                said[method] = Evidence()
                continue
            # Methods that agree have the same witnesses.
            place = round(rate.bpm / _SAME_RATE_BPM)
            if place not in found:
                found[place] = self._evidence(inside, halves, of_halves, rate.bpm)
            said[method] = found[place]
        return said

    def _evidence(self, inside: NDArray[np.bool_], halves: Mapping[str, Wave], of_halves: Wave, bpm: float) -> Evidence:
        agree, correlation = None, None
        if halves:
            agree = float(np.mean(np.abs(of_halves - bpm) < AGREE_WITHIN_BPM))
            correlation = max(_correlation(*self._near(own, bpm)) for own in halves.values())
        motion = background = 0.0
        amplitude = None
        face = float(self._near(self.face[inside], bpm).std())
        if self.motion is not None:
            motion = max(self._shared(own[inside], bpm, _VISIBLE_MOTION_PX) for own in self.motion)
            amplitude = face
        if self.background is not None:
            background = self._shared(self.background[inside], bpm, face)
        features = self.colour_features(inside, bpm)
        blood = None if features is None else blood_probability(features)
        return Evidence(agree, correlation, motion, background, amplitude, blood)

    def colour_features(self, inside: NDArray[np.bool_], bpm: float) -> NDArray[np.float64] | None:
        """Return the `colour_features` of a rate in the samples ``inside`` ``(T,)``, or None without colours."""
        if self.colours is None or self.moved is None or self.position is None:
            return None
        parts = self.colours[:, inside], self.moved[:, inside], self.position[:, inside]
        return colour_features(*parts, self.fps, bpm)

    def _near(self, waves: Wave, bpm: float) -> Wave:
        """Return waves ``(..., T)`` without frequencies that are farther than 15 bpm from a rate."""
        spectrum = np.fft.rfft(waves * np.hanning(waves.shape[-1]), axis=-1)
        frequencies = np.fft.rfftfreq(waves.shape[-1], 1 / self.fps)
        spectrum[..., np.abs(frequencies - bpm / 60) > _WIDE_HZ] = 0
        return np.asarray(np.fft.irfft(spectrum, waves.shape[-1], axis=-1))

    def _shared(self, wave: Wave, bpm: float, scale: float) -> float:
        """Return how much a witness has the rhythm of a rate, in [0, 1].

        The share of its power within 6 bpm of the rate, times its amplitude there relative to a scale.
        """
        frequencies, power = power_spectrum(wave, self.fps)
        total = power.sum()
        if not np.isfinite(total) or total <= 0:
            return 0.0
        near = np.abs(frequencies - bpm / 60) <= _NEAR_HZ
        amplitude = float(self._near(wave, bpm).std())
        return float(power[near].sum() / total) * min(amplitude / (scale + _SMALL), 1.0)


def rigid_motion(frames: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the motion of frames ``(N, S, S, 3)`` to the right and down from their mean, in pixels, ``(N, 2)``.

    By one linear step of B. Lucas and T. Kanade, IJCAI 1981, for the whole frame, with a gain and an offset of the
    brightness, which a pulse changes too. Motions of more than a pixel are underestimated.
    """
    gray = frames.astype(np.float32).mean(axis=3)
    mean = gray.mean(axis=0)
    down, right = np.gradient(mean)
    design = np.stack([-right.ravel(), -down.ravel(), mean.ravel(), np.ones(mean.size)], axis=1).astype(np.float64)
    ridge = 1e-6 * np.trace(design.T @ design) / 4 * np.eye(4)
    solver = np.linalg.solve(design.T @ design + ridge, design.T)
    return np.asarray((solver[:2] @ (gray - mean).reshape(len(gray), -1).T).T, np.float64)


def _correlation(left: Wave, right: Wave) -> float:
    scale = float(left.std() * right.std())
    return float(np.mean((left - left.mean()) * (right - right.mean()))) / scale if scale > 0 else 0.0
