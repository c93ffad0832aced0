"""Data sets as their authors lay them out: which videos there are, whose, and where their true waves are.

A layout names its recordings; nothing is read until a recording is asked for. Labels keep the clock of their own device
and are brought to the video by times, never by stretching.
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
from vision_cli.rppg_adapt.data.cache import Label
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
        Names.
    path
        The file or folder.
    open
        Opens its frames.
    label
        Reads its true wave, given the number of frames and their times; None where there is none.
    shows_face_only
        Whether the frames are crops of a face already.
    meta
        What else is known, for reports by group.
    """

    id: str
    subject: str
    path: Path
    open: Callable[[], FrameSource]
    label: Callable[[NDArray[np.float64]], Label] | None
    shows_face_only: bool = False
    meta: Mapping[str, str] = field(default_factory=dict)


class ArrayFrames:
    """Frames from an array, as some data sets store them.

    Parameters
    ----------
    frames
        ``(T, H, W, 3)`` in [0, 1] or [0, 255].
    fps
        Frames a second.
    """

    def __init__(self, frames: NDArray[np.generic], fps: float) -> None:
        self._frames, self._fps = frames, fps
        # Only in [0, 1] are numbers with a fraction stored.
        self._scale = 255.0 if frames.dtype.kind == "f" and float(np.max(frames[:1])) <= 1.0 else 1.0
        self.damage: str | None = None
        self.notes: tuple[str, ...] = ()
        self.is_gray = False

    def __iter__(self) -> Iterator[Frame]:
        for index, frame in enumerate(self._frames):
            pixels = np.clip(np.rint(np.asarray(frame, np.float64) * self._scale), 0, 255).astype(np.uint8)
            yield Frame(index, index / self._fps, pixels)


def find_recordings(root: Path, layout: Layout) -> list[Recording]:
    """List the recordings of a data set.

    Parameters
    ----------
    root
        Its folder; of ``manifest`` the table.
    layout
        Which one it has.

    Raises
    ------
    InputError
        If there is no such folder, or none of the layout's files in it.
    """
    if layout == "manifest":
        return _manifest(root)
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; a data set of the layout {layout} expected.")
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
            label = labels.lazily(labels.ubfc, truth)
        elif older.is_file():
            label = labels.lazily(labels.ubfc_older, older)
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
            label = None if truth is None else labels.lazily(labels.pure, truth, pictures)
            subject, _, task = folder.name.partition("-")
            yield Recording(folder.name, subject, pictures, _video(pictures), label, meta={"task": task})


def _cohface(root: Path) -> Iterator[Recording]:
    for path in root.glob("*/*/data.avi"):
        truth = path.with_name("data.hdf5")
        label = labels.lazily(labels.cohface, truth) if truth.is_file() else None
        subject, number = path.parts[-3], path.parts[-2]
        yield Recording(f"{subject}-{number}", subject, path, _video(path), label)


def _ubfc_phys(root: Path) -> Iterator[Recording]:
    for path in root.glob("s*/vid_s*_T*.avi"):
        name = path.stem.removeprefix("vid_")
        truth = path.with_name(f"bvp_{name}.csv")
        label = labels.lazily(labels.column, truth, 64.0) if truth.is_file() else None
        subject, _, task = name.partition("_")
        yield Recording(name, subject, path, _video(path), label, meta={"task": task})


def _mmpd(root: Path) -> Iterator[Recording]:
    for path in root.glob("subject*/p*_*.mat"):
        yield Recording(
            path.stem,
            path.parent.name,
            path,
            lambda path=path: ArrayFrames(labels.mat_array(path, "video"), _FPS),  # type: ignore[misc]
            labels.lazily(labels.mat_wave, path, "GT_ppg"),
            meta=labels.mmpd_meta(path),
        )


def _scamps(root: Path) -> Iterator[Recording]:
    for path in root.glob("P*.mat"):
        yield Recording(
            path.stem,
            path.stem,
            path,
            lambda path=path: ArrayFrames(labels.mat_array(path, "Xsub"), _FPS),  # type: ignore[misc]
            labels.lazily(labels.mat_wave, path, "d_ppg"),
            shows_face_only=True,
        )


def _ibvp(root: Path) -> Iterator[Recording]:
    for folder in root.glob("*/*_rgb"):
        name = folder.name.removesuffix("_rgb")
        truth = folder.with_name(f"{name}_bvp.csv")
        label = labels.lazily(labels.ibvp, truth) if truth.is_file() else None
        if any(path.suffix.lower() in PICTURE_SUFFIXES for path in folder.iterdir()):
            yield Recording(name, name.partition("_")[0], folder, _video(folder, _FPS), label)


def _lgi(root: Path) -> Iterator[Recording]:
    for path in root.rglob("cv_camera*.avi"):
        pulses = sorted(path.parent.glob("cms50*.xml"))
        timer = path.with_name("cv_camera_sensor_timer_stream_handler.xml")
        label = labels.lazily(labels.lgi, pulses[0], timer if timer.is_file() else None) if pulses else None
        name = path.parent.name
        subject, _, task = name.partition("_")
        yield Recording(name, subject, path, _video(path), label, meta={"task": task})


def _physdrive(root: Path) -> Iterator[Recording]:
    for folder in root.glob("*/*/Align"):
        subject, task = folder.parts[-3], folder.parts[-2]
        truth = folder.parent / "Label" / "BVP.mat"
        label = labels.lazily(labels.mat_wave, truth, "BVP") if truth.is_file() else None
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
            label = labels.lazily(labels.any_wave, truth, _number(path, row.get("label_fs")))
        meta = {name: value for name, value in row.items() if name not in _OWN_COLUMNS}
        # Containers that keep no times need the rate; the others know better.
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
        raise InputError(f"{path}: {text!r} found as a rate; a number expected.") from None


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
