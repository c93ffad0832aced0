"""Recordings with action units frame by frame: DISFA (Mavadati et al. 2013) and BP4D (Zhang et al. 2014)."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from vision_cli.core.errors import InputError
from vision_cli.io.pictures.folders import Request, child, folders_in, pictures_in
from vision_cli.io.reading import read_text
from vision_cli.io.videos.videos import VIDEO_SUFFIXES
from vision_cli.synth_faces.data.layouts.entries import Entries, first_row, stream_rows, whole_number
from vision_cli.synth_faces.data.sources import PictureFile, VideoFrame, VideoFrames
from vision_cli.synth_faces.values import AUS, MOST_INTENSE, FaceDataset, LabelledFace

DISFA_AUS = ("1", "2", "4", "5", "6", "9", "12", "15", "17", "20", "25", "26")
_UNKNOWN = 9
_TASK = re.compile(r"([FM]\d{3})_(T\d+)")


def is_disfa(path: Path) -> bool:
    """Return whether a folder has the labels of DISFA."""
    return child(path, "ActionUnit_Labels") is not None


def read_disfa(path: Path, request: Request) -> FaceDataset:
    """Read ``ActionUnit_Labels/SN001/SN001_au12.txt`` and the frames of the left, else the right camera."""
    request.no_parts(path)
    entries = Entries("disfa", request)
    labels = child(path, "ActionUnit_Labels")
    for folder in folders_in(labels) if labels is not None else ():
        subject = folder.name
        video = _disfa_video(path, subject)
        if video is None:
            entries.skip(subject, "no video of either camera")
            continue
        of_frames: dict[int, dict[str, float]] = defaultdict(dict)
        for unit in DISFA_AUS:
            file = child(folder, f"{subject}_au{unit}.txt")
            if file is None:
                entries.skip(f"{subject} AU {unit}", "no labels of this action unit")
                continue
            try:
                for frame, value in _disfa_values(file).items():
                    of_frames[frame][unit] = value
            except InputError as error:
                entries.skip(f"{subject} AU {unit}", error.message.removeprefix(f"{file}: ").rstrip("."))
        frames = VideoFrames(video)
        for number, aus in sorted(of_frames.items()):
            source = VideoFrame(frames, number - 1)
            name = f"{subject}/{number:05}"
            entries.take(LabelledFace(name, source, aus=aus, has_intensities=True, subject=subject))
    return entries.dataset()


def is_bp4d(path: Path) -> bool:
    """Return whether a folder has the occurrences of BP4D."""
    return child(path, "AU_OCC") is not None


def read_bp4d(path: Path, request: Request) -> FaceDataset:
    """Read ``AU_OCC/F001_T1.csv`` and the frames ``F001/T1/0001.jpg``; AUs have no intensities."""
    request.no_parts(path)
    entries = Entries("bp4d", request)
    folder = child(path, "AU_OCC")
    for table in sorted(folder.glob("*.csv")) if folder is not None else ():
        match = _TASK.fullmatch(table.stem)
        if match is None:
            entries.skip(table.name, "a name such as F001_T1.csv expected")
            continue
        pictures = _bp4d_pictures(path, *match.groups())
        header = first_row(table)
        columns = [f"{cell}" if place else "frame" for place, cell in enumerate(header)]
        units = [unit for unit in columns[1:] if unit in AUS]
        rows = stream_rows(table, (), header=columns)
        next(rows, None)
        for row in rows:
            known = {unit: whole_number(row.get(unit, "")) for unit in units}
            aus = {unit: MOST_INTENSE * value for unit, value in known.items() if value in {0, 1}}
            _take_bp4d(entries, match.groups(), row["frame"], pictures, aus, has_intensities=False)
    return entries.dataset()


def read_bp4d_intensity(path: Path, request: Request) -> FaceDataset:
    """Read the intensities of BP4D, ``AU_INT/AU06/F001_T1_AU06.csv``: five AUs, without the occurrences of others."""
    request.no_parts(path)
    entries = Entries("bp4d-intensity", request)
    found: dict[tuple[str, str], dict[int, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    folder = child(path, "AU_INT")
    for kind in folders_in(folder) if folder is not None else ():
        unit = re.sub(r"^AU0*", "", kind.name.upper())
        for table in sorted(kind.glob("*.csv")) if unit in AUS else ():
            match = _TASK.match(table.stem)
            if match is None:
                entries.skip(table.name, "a name such as F001_T1_AU06.csv expected")
                continue
            for row in stream_rows(table, (), header=("frame", "value")):
                number, value = whole_number(row["frame"]), whole_number(row.get("value", ""))
                if number is not None and value is not None and 0 <= value <= MOST_INTENSE:
                    found[match.group(1), match.group(2)][number][unit] = float(value)
    for (subject, task), frames in sorted(found.items()):
        pictures = _bp4d_pictures(path, subject, task)
        for number, aus in sorted(frames.items()):
            _take_bp4d(entries, (subject, task), str(number), pictures, aus, has_intensities=True)
    return entries.dataset()


def _take_bp4d(
    entries: Entries,
    place: tuple[str | None, ...],
    frame: str,
    pictures: dict[int, Path],
    aus: dict[str, float],
    *,
    has_intensities: bool,
) -> None:
    number = whole_number(frame)
    name = f"{place[0]}/{place[1]}/{frame}" if number is None else f"{place[0]}/{place[1]}/{number:04}"
    picture = None if number is None else pictures.get(number)
    if picture is None:
        entries.skip(name, "no picture of this frame")
    elif not aus:
        entries.skip(name, "no action unit is known", is_damage=False)
    else:
        source = PictureFile(picture)
        subject = str(place[0])
        entries.take(LabelledFace(name, source, aus=aus, has_intensities=has_intensities, subject=subject))


def _bp4d_pictures(path: Path, *place: str | None) -> dict[int, Path]:
    """Return the frames of a task by number; how many zeros their names have varies."""
    subject, task = (str(part) for part in place)
    for root in (path, *folders_in(path)):
        pictures = pictures_in(root / subject / task)
        if pictures:
            return {int(picture.stem): picture for picture in pictures if picture.stem.isdecimal()}
    return {}


def _disfa_video(path: Path, subject: str) -> Path | None:
    for folder_name, start in (("Videos_LeftCamera", "LeftVideo"), ("Video_RightCamera", "RightVideo")):
        folder = child(
            path, folder_name, folder_name.replace("Videos_", "Video_"), folder_name.replace("Video_", "Videos_")
        )
        if folder is None:
            continue
        for file in sorted(folder.iterdir()):
            if file.suffix.lower() in VIDEO_SUFFIXES and file.stem.lower().startswith(f"{start}{subject}".lower()):
                return file
    return None


def _disfa_values(path: Path) -> dict[int, float]:
    values: dict[int, float] = {}
    for line in read_text(path).splitlines():
        if not line.strip():
            continue
        frame, _, value = line.partition(",")
        number, intensity = whole_number(frame), whole_number(value)
        if number is None or number < 1 or intensity is None or not 0 <= intensity <= MOST_INTENSE:
            raise InputError(f"{path}: line {line[:30]!r}; a frame and an intensity from 0 to 5 expected.")
        values[number] = float(intensity)
    return values
