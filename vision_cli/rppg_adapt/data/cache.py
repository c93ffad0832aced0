"""The cache of a data set: one file per face with its crops, times and, if there are labels, its ground-truth wave.

``preprocess`` writes a cache; ``train``, ``adapt`` and ``evaluate`` read it. Adaptation reads only the crops of a file,
so that labels cannot change its result.
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
from vision_cli.rppg_adapt.data.labels import Label
from vision_cli.rppg_adapt.faces.extraction import FaceClip, resample_clip
from vision_cli.rppg_adapt.networks.inputs import resize_frames

INDEX = "index.csv"
CLIPS = "clips"

_REQUIRED = ("id", "file", "subject", "fps", "frames")


@dataclass(frozen=True)
class LabelledClips:
    """A batch of clips and their ground-truth pulse waves.

    Attributes
    ----------
    frames
        ``(B, T, S, S, 3)`` uint8.
    waves
        ``(B, T)`` float32.
    """

    frames: Tensor
    waves: Tensor


@dataclass(frozen=True)
class CachedClip:
    """A face in a cache; arrays are read on request.

    Attributes
    ----------
    id, subject
        Names of the clip and of the person; a split never divides the clips of one subject.
    path
        The file.
    fps
        Frames per second.
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
        """Read the ground-truth wave, ``(T,)``; None if there are no labels."""
        return self._read("bvp", 1).astype(np.float64) if "bvp" in self._names() else None

    def traces(self) -> NDArray[np.float64]:
        """Read the mean colours of the skin, ``(T, 3)``."""
        return self._read("traces", 2).astype(np.float64)

    def _names(self) -> list[str]:
        try:
            return list(npz_headers(self.path))
        except (OSError, ValueError, EOFError, zlib.error, zipfile.BadZipFile) as error:
            raise InputError(
                f"{self.path}: not readable as a cached clip ({error}).", hint="Run preprocess again."
            ) from error

    def _read(self, name: str, ndim: int) -> NDArray[Any]:
        try:
            values: NDArray[Any] = read_arrays(self.path, {name: npz_headers(self.path)[name]})[name]
        except (OSError, ValueError, KeyError, EOFError, zlib.error, zipfile.BadZipFile) as error:
            raise InputError(f"{self.path}: no {name} found ({error}).", hint="Run preprocess again.") from error
        if values.ndim != ndim:
            raise InputError(
                f"{self.path}: {name} of {values.ndim} axes found; {ndim} expected.", hint="Run preprocess again."
            )
        return values


def read_cache(directory: Path) -> list[CachedClip]:
    """Return the clips of a cache, in the order of its index; a run in shards has one index per shard.

    Raises
    ------
    InputError
        If an index or a clip that it names is missing.
    """
    indices = [directory] if directory.is_file() else [directory / INDEX]
    if not indices[0].is_file():
        indices = [path / INDEX for path in find_shards(directory).values()] if directory.is_dir() else []
    if not indices or not all(index.is_file() for index in indices):
        raise InputError(
            f"{directory}: no {INDEX} found; a cache expected.", hint="Make one: vcli rppg-adapt preprocess DATASET."
        )
    clips = []
    for index in indices:
        for row in read_csv_table(index, _REQUIRED):
            path = index.parent / row["file"]
            if not path.is_file():
                raise InputError(f"{path}: no such file, but {index} names it.", hint="Run preprocess again.")
            meta = {name: value for name, value in row.items() if name not in _REQUIRED}
            clips.append(CachedClip(row["id"], row["subject"], path, float(row["fps"]), int(row["frames"]), meta))
    return clips


def split_subjects(clips: Sequence[CachedClip], share: float, seed: int) -> tuple[list[CachedClip], list[CachedClip]]:
    """Return the clips in two parts without a common subject; the first has about ``share`` of the subjects."""
    subjects = sorted({clip.subject for clip in clips})
    order = np.random.default_rng((seed, len(subjects))).permutation(len(subjects))
    count = int(np.clip(round(share * len(subjects)), 1, max(len(subjects) - 1, 1)))
    first = {subjects[k] for k in order[:count]}
    return [clip for clip in clips if clip.subject in first], [clip for clip in clips if clip.subject not in first]


def clip_arrays(clip: FaceClip, fps: float, label: Label | None, name: str) -> dict[str, NDArray[np.generic]]:
    """Return the arrays of a cached clip, uniformly sampled: crops, times, traces, boxes and the ground-truth wave."""
    times, traces, frames = resample_clip(clip, fps)
    boxes = np.stack([np.interp(times, clip.times, column) for column in clip.boxes.T], axis=1)
    arrays: dict[str, NDArray[np.generic]] = {"frames": frames, "t": times, "traces": traces, "box": boxes}
    if label is not None:
        arrays["bvp"] = label.checked(name).interpolate(times, name)
    return arrays


def write_clip(path: Path, arrays: Mapping[str, NDArray[np.generic]], meta: Mapping[str, object]) -> None:
    """Write the arrays of a clip and, as JSON, its metadata."""
    described = np.array(json.dumps(dict(meta), sort_keys=True))
    with path.open("wb") as stream:
        # np.savez writes the same bytes each time: its members have no time stamps.
        np.savez(stream, allow_pickle=False, meta=described, **dict(arrays))


class LabelledWindows:
    """Random windows of labelled cached clips, for training.

    Parameters
    ----------
    train, held_out
        Clips for training and for validation; all with labels.
    size
        Rows and columns of the network's clips.
    frames
        Frames of a window.
    seed
        Seed of the positions of the windows.

    Raises
    ------
    InputError
        If a clip has no labels, or is shorter than a window.
    """

    def __init__(
        self, train: Sequence[CachedClip], held_out: Sequence[CachedClip], size: int, frames: int, seed: int
    ) -> None:
        # Without a number of samples, each pass over the clips draws new windows.
        self.count: int | None = None
        self._size, self._frames, self._seed = size, frames, seed
        self._order = Order(len(train), 1, seed)
        self._train = [self._read(clip) for clip in train]
        self._held_out = [self._read(clip) for clip in held_out]

    def load(self, numbers: Sequence[int]) -> LabelledClips:
        """Return the windows of these sample numbers; consecutive numbers pass over all clips."""
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
        """Return the first window of each held-out clip."""
        pairs = [(clip[: self._frames], wave[: self._frames]) for clip, wave in self._held_out]
        frames, waves = zip(*pairs, strict=True)
        return LabelledClips(torch.from_numpy(np.stack(frames)), torch.from_numpy(np.stack(waves)).float())

    def _read(self, clip: CachedClip) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        wave = clip.wave()
        if wave is None:
            raise InputError(
                f"{clip.path}: no labels found; a ground-truth wave expected.", hint="Use adapt, which needs none."
            )
        frames = resize_frames(clip.frames(), self._size)
        if len(frames) < self._frames:
            raise InputError(
                f"{clip.path}: {len(frames)} frames found; {self._frames} or more expected.",
                hint="Use a smaller --frames.",
            )
        return frames, wave
