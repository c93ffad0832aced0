"""The cache of a data set: one file a face with its crops, times and, if there are labels, its true wave.

``preprocess`` writes a cache, ``train``, ``adapt`` and ``evaluate`` read it. Adaptation opens the crops of a file and
nothing else of it, so that labels cannot change what it learns.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vision_cli.core.compute.training import Order
from vision_cli.core.errors import InputError
from vision_cli.core.shards.shards import find_shards
from vision_cli.io.arrays import npz_headers, read_arrays
from vision_cli.io.tables.tables import read_csv_table
from vision_cli.rppg_adapt.faces.extraction import FaceClip, steady
from vision_cli.rppg_adapt.networks.files import resize_frames

INDEX = "index.csv"
CLIPS = "clips"

_LEAST_LABELLED = 0.95
_REQUIRED = ("id", "file", "subject", "fps", "frames")


@dataclass(frozen=True)
class Label:
    """A true pulse wave with a clock of its own.

    Attributes
    ----------
    times
        ``(N,)`` seconds since the first frame of the video.
    wave
        ``(N,)``.
    """

    times: NDArray[np.float64]
    wave: NDArray[np.float64]

    def checked(self, name: str) -> Label:
        """Return the label if it can be one.

        Raises
        ------
        InputError
            If times and values differ in number, or values are constant or no numbers.
        """
        if len(self.times) != len(self.wave) or len(self.wave) < 2:
            raise InputError(f"{name}: {len(self.times)} times and {len(self.wave)} values; as many of each expected.")
        if not np.isfinite(self.wave).all():
            raise InputError(f"{name}: {int((~np.isfinite(self.wave)).sum())} values are no numbers; none expected.")
        if np.ptp(self.wave) == 0:
            raise InputError(f"{name}: the wave is constant at {self.wave[0]:g}; a pulse expected.")
        if (np.diff(self.times) <= 0).any():
            order = np.argsort(self.times, kind="stable")
            times, first = np.unique(self.times[order], return_index=True)
            return Label(times, self.wave[order][first])
        return self

    def at(self, times: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        """Give the wave at times, by the clock and not by stretching.

        Raises
        ------
        InputError
            If the label covers less than 95 % of the times.
        """
        covered = float(((times >= self.times[0] - 0.1) & (times <= self.times[-1] + 0.1)).mean())
        if covered < _LEAST_LABELLED:
            raise InputError(
                f"{name}: labels from {self.times[0]:.1f} to {self.times[-1]:.1f} s cover {100 * covered:.0f} % of the "
                f"video ({times[0]:.1f} to {times[-1]:.1f} s); 95 % expected.",
                hint="The clocks of video and labels differ, or a file is cut off.",
            )
        return np.interp(times, self.times, self.wave)


@dataclass(frozen=True)
class LabelledClips:
    """Clips and their pulse waves.

    Attributes
    ----------
    frames
        ``(B, T, S, S, 3)`` uint8.
    waves
        ``(B, T)``.
    """

    frames: Tensor
    waves: Tensor


@dataclass(frozen=True)
class CachedClip:
    """A face in a cache; arrays are read when they are asked for.

    Attributes
    ----------
    id, subject
        Names; clips of one subject never stand on both sides of a split.
    path
        The file.
    fps
        Frames a second.
    count
        Number of frames.
    meta
        Other columns of the index.
    """

    id: str
    subject: str
    path: Path
    fps: float
    count: int
    meta: Mapping[str, str] = field(default_factory=dict)

    def frames(self) -> NDArray[np.uint8]:
        """Read the crops, ``(T, S, S, 3)``."""
        return self._read("frames", 4).astype(np.uint8, copy=False)

    def wave(self) -> NDArray[np.float64] | None:
        """Read the true wave, ``(T,)``; None if there are no labels."""
        return self._read("bvp", 1).astype(np.float64) if "bvp" in self._names() else None

    def traces(self) -> NDArray[np.float64]:
        """Read the mean colours of the skin, ``(T, 3)``."""
        return self._read("traces", 2).astype(np.float64)

    def _names(self) -> list[str]:
        try:
            return list(npz_headers(self.path))
        except (OSError, ValueError, EOFError, zlib.error, zipfile.BadZipFile) as error:
            raise InputError(f"{self.path}: cannot be read ({error}).", hint="Run preprocess again.") from error

    def _read(self, name: str, ndim: int) -> NDArray[Any]:
        try:
            values: NDArray[Any] = read_arrays(self.path, {name: npz_headers(self.path)[name]})[name]
        except (OSError, ValueError, KeyError, EOFError, zlib.error, zipfile.BadZipFile) as error:
            raise InputError(f"{self.path}: no {name} in it ({error}).", hint="Run preprocess again.") from error
        if values.ndim != ndim:
            raise InputError(f"{self.path}: {name} of {values.ndim} axes; {ndim} expected.")
        return values


def read_cache(directory: Path) -> list[CachedClip]:
    """Read the index of a cache.

    Raises
    ------
    InputError
        If there is none, of a run in shards that of one of them, or a clip that it names is missing.
    """
    indices = [directory] if directory.is_file() else [directory / INDEX]
    if not indices[0].is_file():
        indices = [path / INDEX for path in find_shards(directory).values()] if directory.is_dir() else []
    if not indices or not all(index.is_file() for index in indices):
        raise InputError(
            f"{directory}: no {INDEX} in it; a cache expected.", hint="Make one: vcli rppg-adapt preprocess DATASET."
        )
    clips = []
    for index in indices:
        for row in read_csv_table(index, _REQUIRED):
            path = index.parent / row["file"]
            if not path.is_file():
                raise InputError(f"{path}: named in {index} but missing.", hint="Run preprocess again.")
            meta = {name: value for name, value in row.items() if name not in _REQUIRED}
            clips.append(CachedClip(row["id"], row["subject"], path, float(row["fps"]), int(row["frames"]), meta))
    return clips


def split_subjects(clips: Sequence[CachedClip], share: float, seed: int) -> tuple[list[CachedClip], list[CachedClip]]:
    """Split clips so that no subject is on both sides; the first side has about ``share`` of the subjects."""
    subjects = sorted({clip.subject for clip in clips})
    order = np.random.default_rng((seed, len(subjects))).permutation(len(subjects))
    count = int(np.clip(round(share * len(subjects)), 1, max(len(subjects) - 1, 1)))
    first = {subjects[k] for k in order[:count]}
    return [clip for clip in clips if clip.subject in first], [clip for clip in clips if clip.subject not in first]


def clip_arrays(clip: FaceClip, fps: float, label: Label | None, name: str) -> dict[str, NDArray[np.generic]]:
    """Give the arrays of a cached clip: crops, times, traces and boxes at equal steps, and the true wave."""
    times, traces, frames = steady(clip, fps)
    boxes = np.stack([np.interp(times, clip.times, column) for column in clip.boxes.T], axis=1)
    arrays: dict[str, NDArray[np.generic]] = {"frames": frames, "t": times, "traces": traces, "box": boxes}
    if label is not None:
        arrays["bvp"] = label.checked(name).at(times, name)
    return arrays


def write_clip(path: Path, arrays: Mapping[str, NDArray[np.generic]], meta: Mapping[str, object]) -> None:
    """Write the arrays of a clip and, as JSON, what else is known of it."""
    described = np.array(json.dumps(dict(meta), sort_keys=True))
    with path.open("wb") as stream:
        # The members carry no time of writing that would differ from run to run.
        np.savez(stream, allow_pickle=False, meta=described, **dict(arrays))


class CachedClips:
    """Labelled windows of cached clips, as a training takes them.

    Parameters
    ----------
    train, held_out
        Clips to train and to validate on; all with labels.
    size
        Rows and columns that the network takes.
    frames
        Frames of a window.
    seed
        Of the places of windows.
    """

    def __init__(
        self, train: Sequence[CachedClip], held_out: Sequence[CachedClip], size: int, frames: int, seed: int
    ) -> None:
        # Numbers never end, so that every pass over the clips sees other windows of them.
        self.count: int | None = None
        self._size, self._frames, self._seed = size, frames, seed
        self._order = Order(len(train), 1, seed)
        self._train = [self._whole(clip) for clip in train]
        self._held_out = [self._whole(clip) for clip in held_out]

    def load(self, numbers: Sequence[int]) -> LabelledClips:
        """Give a window of a clip each: one pass over the clips after another."""
        frames, waves = [], []
        for number in numbers:
            rng = np.random.default_rng((self._seed, number))
            clip, wave = self._train[self._order.samples(number)[0]]
            start = int(rng.integers(0, len(clip) - self._frames + 1))
            part = clip[start : start + self._frames]
            frames.append(part[:, :, ::-1].copy() if rng.integers(2) else part)
            waves.append(wave[start : start + self._frames])
        return LabelledClips(torch.from_numpy(np.stack(frames)), torch.from_numpy(np.stack(waves)).float())

    def validation(self) -> LabelledClips:
        """Give the first window of every held-out clip."""
        pairs = [(clip[: self._frames], wave[: self._frames]) for clip, wave in self._held_out]
        frames, waves = zip(*pairs, strict=True)
        return LabelledClips(torch.from_numpy(np.stack(frames)), torch.from_numpy(np.stack(waves)).float())

    def _whole(self, clip: CachedClip) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        wave = clip.wave()
        if wave is None:
            raise InputError(f"{clip.path}: no labels; a true wave expected.", hint="Use adapt, which needs none.")
        frames = resize_frames(clip.frames(), self._size)
        if len(frames) < self._frames:
            raise InputError(
                f"{clip.path}: {len(frames)} frames; {self._frames} or more expected.", hint="Use a smaller --frames."
            )
        return frames, wave
