"""From a video to heart rates: faces, pulse waves of several methods, per-window rates, overall rate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vision_cli.core.errors import InputError, UsageError
from vision_cli.rppg_adapt.faces.extraction import SHORT_SECONDS, SLOWEST_FPS, FaceClip, read_faces
from vision_cli.rppg_adapt.faces.pauses import split_at_pauses
from vision_cli.rppg_adapt.networks.model import PulseModel
from vision_cli.rppg_adapt.options import PulseOptions
from vision_cli.rppg_adapt.pipeline.beats import probable_measures, read_beats
from vision_cli.rppg_adapt.pipeline.joining import overall_blood, overall_quality, overall_rate
from vision_cli.rppg_adapt.pipeline.results import PulseEstimate
from vision_cli.rppg_adapt.pipeline.waves import FASTEST_FPS, join_waves, pulse_waves
from vision_cli.rppg_adapt.pipeline.window_rates import estimate_windows, is_still, situation_of_clip
from vision_cli.rppg_adapt.signals.blood_colour import NOT_BLOOD, is_doubtful
from vision_cli.rppg_adapt.signals.classical import NEEDS_COLOUR
from vision_cli.rppg_adapt.signals.quality import AUTO_METHODS, RELIABLE_QUALITY, default_index
from vision_cli.rppg_adapt.signals.spectra import heart_rate_band

_SLOW_FPS = 12.0


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
    candidates = [options.method] if options.method != "auto" else [m for m in AUTO_METHODS if m in separate[0]]
    windows = [
        estimate_windows(part, own, candidates, options, band)
        for part, own in zip(divided.parts, separate, strict=True)
    ]
    waves = join_waves(separate)
    by_method = {method: wave.rate(band) for method, wave in waves.items()}
    index = default_index()[situation_of_clip(divided.parts[0], separate[0])]
    lengths = [part.seconds / min(options.window_s, part.seconds) for part in divided.parts]
    of_windows, blood = overall_quality(windows), overall_blood(windows)
    quality = index.probability_of_record(of_windows, sum(lengths))
    is_reliable = quality >= RELIABLE_QUALITY
    # The quality of windows expects that some clips have no pulse, that of a record does not.
    if is_reliable and blood is not None and is_doubtful(of_windows, blood):
        is_reliable = False
        notes.append(f"{NOT_BLOOD}: a photograph, motion or a rhythm of the light")
    used = [window.method for part in windows for window in part]
    method = max(candidates, key=lambda one: (used.count(one), by_method[one].snr_db))
    bpm, half_width = overall_rate(windows, by_method[method])
    variability, breaths = None, None
    if options.hrv or options.respiration:
        # Intervals between beats end at a pause.
        k = max(range(len(divided.parts)), key=lambda number: divided.parts[number].seconds)
        part, own = divided.parts[k], separate[k]
        if len(separate) > 1:
            notes.append(f"beats were read in the longest part between pauses, of {part.seconds:.0f} s")
        rate, _ = overall_rate([windows[k]], own[method].rate(band))
        reading = read_beats(part, own, rate, band)
        variability, breaths = probable_measures(reading, options, notes, is_rate_reliable=is_reliable)
    return PulseEstimate(
        clip,
        bpm,
        (max(bpm - half_width, options.rates_bpm[0]), min(bpm + half_width, options.rates_bpm[1])),
        quality,
        is_reliable,
        method,
        by_method[method].snr_db,
        waves,
        tuple(window for part in windows for window in part),
        by_method,
        variability,
        None if breaths is None else breaths.bpm,
        tuple(notes),
    )


def _notes(clip: FaceClip, parts: Sequence[FaceClip], options: PulseOptions, band: tuple[float, float]) -> list[str]:
    notes = []
    if clip.damage:
        notes.append(f"{clip.damage}; what came before was read")
    if clip.seconds < SHORT_SECONDS - 0.1:
        notes.append(f"{clip.seconds:.1f} s are short: the interval is wide; film for ten seconds or more")
    if min(part.fps for part in parts) < _SLOW_FPS:
        what = "frames" if clip.has_pictures else "samples"
        notes.append(f"{clip.fps:.1f} {what} a second: rates above {60 * band[1]:.0f} bpm cannot be seen")
    if all(is_still(part) for part in parts):
        notes.append("the colours of the skin do not change at all: a still picture, or a broken recording")
    if clip.seen_share < 1:
        missing = 100 * (1 - clip.seen_share)
        share = f"{missing:.0f} %" if missing >= 1 else "less than 1 %"
        notes.append(f"the face is not seen in {share} of the frames")
    if clip.is_gray and options.method == "auto":
        notes.append("one channel: the green method alone was used")
    return notes
