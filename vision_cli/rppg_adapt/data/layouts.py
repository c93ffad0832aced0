"""Layouts of public data sets: their videos, subjects and ground-truth waves.

A layout lists its recordings; nothing is read before a recording is opened. Labels keep the times of their own device
and are matched to the video by time, never by stretching.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.io.tables.tables import read_csv_table
from vision_cli.io.videos.videos import PICTURE_SUFFIXES, VIDEO_SUFFIXES, Frame, VideoReader
from vision_cli.rppg_adapt.data import labels
from vision_cli.rppg_adapt.data.labels import Label
from vision_cli.rppg_adapt.faces.extraction import FrameSource
from vision_cli.rppg_adapt.options import Layout

_FPS = 30.0
_MANIFEST = ("path", "subject")
_OWN_COLUMNS = frozenset({"path", "subject", "label_path", "label_fs", "fps", "id"})


@dataclass(frozen=True)
class Recording:
    """One video of a data set.

    Attributes
    ----------
    id, subject
        Names of the video and of the person.
    path
        The video file, folder of pictures or MAT file.
    open
        Opens its frames.
    read_label
        Reads its ground-truth wave, given the times of the frames ``(T,)``; None if there is none.
    is_cropped
        Whether the frames are crops of a face already.
    meta
        Metadata of the video, for evaluation by group.
    """

    id: str
    subject: str
    path: Path
    open: Callable[[], FrameSource]
    read_label: Callable[[NDArray[np.float64]], Label] | None
    is_cropped: bool = False
    meta: Mapping[str, str] = field(default_factory=dict)


class ArrayFrames:
    """Frames of an array, as some data sets store them; a `FrameSource`.

    Parameters
    ----------
    frames
        ``(T, H, W, 3)`` in [0, 1] or [0, 255].
    fps
        Frames per second.
    """

    def __init__(self, frames: NDArray[np.generic], fps: float) -> None:
        self._frames, self._fps = frames, fps
        # Data sets store fractions only for the range [0, 1].
        self._scale = 255.0 if frames.dtype.kind == "f" and float(np.max(frames[:1])) <= 1.0 else 1.0
        self.damage: str | None = None
        self.notes: tuple[str, ...] = ()
        self.is_gray = False

    def __iter__(self) -> Iterator[Frame]:
        for index, frame in enumerate(self._frames):
            pixels = np.clip(np.rint(np.asarray(frame, np.float64) * self._scale), 0, 255).astype(np.uint8)
            yield Frame(index, index / self._fps, pixels)


def find_recordings(root: Path, layout: Layout) -> list[Recording]:
    """Return the recordings of a data set, in natural order of their names.

    Parameters
    ----------
    root
        Folder of the data set; for ``manifest`` the CSV file.
    layout
        Layout of the data set.

    Raises
    ------
    InputError
        If there is no such folder, or no file of the layout in it.
    """
    if layout == "manifest":
        return _manifest(root)
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; a data set of the layout {layout} expected.", hint="Check the path.")
    found = sorted(_FINDERS[layout](root), key=lambda one: _natural(one.id))
    if not found:
        raise InputError(
            f"{root}: no recording of the layout {layout} found; {_EXPECTED[layout]} expected.",
            hint="Check --layout and the folder.",
        )
    return found


def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text) if part]


def _video(path: Path, fps: float | None = None) -> Callable[[], FrameSource]:
    return lambda: VideoReader(path, fps=fps)


def _ubfc(root: Path) -> Iterator[Recording]:
    for path in root.glob("*/vid.*"):
        truth, older = path.with_name("ground_truth.txt"), path.with_name("gtdump.xmp")
        label = None
        if truth.is_file():
            label = labels.deferred_reader(labels.read_ubfc, truth)
        elif older.is_file():
            label = labels.deferred_reader(labels.read_ubfc_part1, older)
        if path.suffix.lower() in VIDEO_SUFFIXES:
            yield Recording(path.parent.name, path.parent.name, path, _video(path), label)


def _pure(root: Path) -> Iterator[Recording]:
    for folder in root.glob("*-*"):
        inner = folder / folder.name
        pictures = inner if inner.is_dir() else folder
        if folder.is_dir() and any(pictures.glob("*.png")):
            truth = next(
                (p for p in (folder / f"{folder.name}.json", root / f"{folder.name}.json") if p.is_file()), None
            )
            label = None if truth is None else labels.deferred_reader(labels.read_pure, truth, pictures)
            subject, _, task = folder.name.partition("-")
            yield Recording(folder.name, subject, pictures, _video(pictures), label, meta={"task": task})


def _cohface(root: Path) -> Iterator[Recording]:
    for path in root.glob("*/*/data.avi"):
        truth = path.with_name("data.hdf5")
        label = labels.deferred_reader(labels.read_cohface, truth) if truth.is_file() else None
        subject, number = path.parts[-3], path.parts[-2]
        yield Recording(f"{subject}-{number}", subject, path, _video(path), label)


def _ubfc_phys(root: Path) -> Iterator[Recording]:
    for path in root.glob("s*/vid_s*_T*.avi"):
        name = path.stem.removeprefix("vid_")
        truth = path.with_name(f"bvp_{name}.csv")
        label = labels.deferred_reader(labels.read_column, truth, 64.0) if truth.is_file() else None
        subject, _, task = name.partition("_")
        yield Recording(name, subject, path, _video(path), label, meta={"task": task})


def _mmpd(root: Path) -> Iterator[Recording]:
    for path in root.glob("subject*/p*_*.mat"):
        yield Recording(
            path.stem,
            path.parent.name,
            path,
            lambda path=path: ArrayFrames(labels.read_mat_array(path, "video"), _FPS),  # type: ignore[misc]
            labels.deferred_reader(labels.read_mat_wave, path, "GT_ppg"),
            meta=labels.read_mmpd_metadata(path),
        )


def _scamps(root: Path) -> Iterator[Recording]:
    for path in root.glob("P*.mat"):
        yield Recording(
            path.stem,
            path.stem,
            path,
            lambda path=path: ArrayFrames(labels.read_mat_array(path, "Xsub"), _FPS),  # type: ignore[misc]
            labels.deferred_reader(labels.read_mat_wave, path, "d_ppg"),
            is_cropped=True,
        )


def _ibvp(root: Path) -> Iterator[Recording]:
    for folder in root.glob("*/*_rgb"):
        name = folder.name.removesuffix("_rgb")
        truth = folder.with_name(f"{name}_bvp.csv")
        label = labels.deferred_reader(labels.read_ibvp, truth) if truth.is_file() else None
        if any(path.suffix.lower() in PICTURE_SUFFIXES for path in folder.iterdir()):
            yield Recording(name, name.partition("_")[0], folder, _video(folder, _FPS), label)


def _lgi(root: Path) -> Iterator[Recording]:
    for path in root.rglob("cv_camera*.avi"):
        pulses = sorted(path.parent.glob("cms50*.xml"))
        timer = path.with_name("cv_camera_sensor_timer_stream_handler.xml")
        label = (
            labels.deferred_reader(labels.read_lgi, pulses[0], timer if timer.is_file() else None) if pulses else None
        )
        name = path.parent.name
        subject, _, task = name.partition("_")
        yield Recording(name, subject, path, _video(path), label, meta={"task": task})


def _physdrive(root: Path) -> Iterator[Recording]:
    for folder in root.glob("*/*/Align"):
        subject, task = folder.parts[-3], folder.parts[-2]
        truth = folder.parent / "Label" / "BVP.mat"
        label = labels.deferred_reader(labels.read_mat_wave, truth, "BVP") if truth.is_file() else None
        if any(folder.glob("*.png")):
            yield Recording(f"{subject}-{task}", subject, folder, _video(folder, _FPS), label, True, {"task": task})


def _manifest(path: Path) -> list[Recording]:
    found = []
    for number, row in enumerate(read_csv_table(path, _MANIFEST), start=1):
        video = path.parent / row["path"]
        fps = _number(path, row.get("fps"))
        label = None
        if row.get("label_path"):
            truth = path.parent / row["label_path"]
            label = labels.deferred_reader(labels.read_wave, truth, _number(path, row.get("label_fs")))
        meta = {name: value for name, value in row.items() if name not in _OWN_COLUMNS}
        # A folder of pictures needs the rate; video files have times of their own.
        use = fps if video.is_dir() else None
        found.append(
            Recording(
                row.get("id") or f"{number:04d}-{Path(row['path']).stem}",
                row["subject"],
                video,
                _video(video, use),
                label,
                meta=meta,
            )
        )
    return found


def _number(path: Path, text: str | None) -> float | None:
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{path}: {text!r} found as a rate; a number in Hz expected.") from None


_FINDERS: Mapping[str, Callable[[Path], Iterator[Recording]]] = {
    "ubfc": _ubfc,
    "pure": _pure,
    "cohface": _cohface,
    "ubfc-phys": _ubfc_phys,
    "mmpd": _mmpd,
    "scamps": _scamps,
    "ibvp": _ibvp,
    "lgi": _lgi,
    "physdrive": _physdrive,
}
_EXPECTED: Mapping[str, str] = {
    "ubfc": "subjectN/vid.avi",
    "pure": "SS-TT/SS-TT/Image*.png",
    "cohface": "SUBJECT/RECORDING/data.avi",
    "ubfc-phys": "sN/vid_sN_T1.avi",
    "mmpd": "subjectN/pN_k.mat",
    "scamps": "P*.mat",
    "ibvp": "pNN_x/pNN_x_rgb/*.bmp",
    "lgi": "cv_camera*.avi",
    "physdrive": "ID/TASK/Align/*.png",
}
