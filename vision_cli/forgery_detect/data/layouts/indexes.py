"""JSON indexes of DeepfakeBench and DF40: ``{DATASET: {LABEL: {SPLIT: {[COMPRESSION:] {VIDEO: ...}}}}}``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from vision_cli.core.errors import InputError, UsageError
from vision_cli.forgery_detect.data.layouts.entries import FAKE, REAL, Entries, is_media_file, split_of
from vision_cli.forgery_detect.values import Manifest, Medium, Split
from vision_cli.io.pictures.folders import Request, inside
from vision_cli.io.reading import read_json

COMPRESSIONS = ("c23", "c40", "raw")
_HEAD = 4096
_REAL_WORDS = ("real", "original")
_LONG_NAMES = {
    "FF-DF": "Deepfakes",
    "FF-F2F": "Face2Face",
    "FF-FS": "FaceSwap",
    "FF-NT": "NeuralTextures",
    "FF-FH": "FaceShifter",
    "DF": "Deepfakes",
    "F2F": "Face2Face",
    "FS": "FaceSwap",
    "NT": "NeuralTextures",
    "FH": "FaceShifter",
}


def is_index(path: Path) -> bool:
    """Return whether a file is such an index; a folder whose only index it is, is one too."""
    file = _file(path)
    return file is not None and _has_shape(file)


def read_index(path: Path, request: Request, compression: str | None = None) -> Manifest:
    """Read an index; files are looked for below its folder and the folders ``rgb`` and ``datasets`` in or beside it.

    A label is real by its name, as ``FF-real``, ``CelebDFv2_real``. Each frame is a medium, whose ``video`` is the
    label's and the video's name, so that manipulations of one clip stay apart. Sets of DF40 have forgeries alone.

    Raises
    ------
    UsageError
        If there is no such compression.
    InputError
        If the file is no such index.
    """
    file = _file(path)
    found = read_json(file) if file is not None else None
    if file is None or not isinstance(found, dict):
        raise InputError(f"{path}: no index of DeepfakeBench; a .json file expected.", hint="Give the file.")
    entries = Entries("dfb", request)
    levels: set[str] = set()
    labels: set[int] = set()
    roots = _roots(file)
    for dataset, kind, split, level, video, entry in _videos(file, found):
        levels |= {level} - {""}
        if level and level != (compression or _preferred(found)):
            continue
        label = _label(str(entry.get("label") or kind), kind)
        labels.add(label)
        frames = entry.get("frames")
        for frame in frames if isinstance(frames, list) else []:
            medium = _medium(roots, dataset, kind, split, video, label, str(frame))
            if medium is None:
                entries.skip(str(frame), "a picture below the folder of the data expected")
            else:
                entries.take(medium)
    if compression is not None and levels and compression not in levels:
        raise UsageError(f"{file}: no compression {compression!r}; {', '.join(sorted(levels))} expected.")
    if labels == {FAKE}:
        entries.note(
            "The index has forgeries alone: join real media, of FaceForensics++ or Celeb-DF, for an evaluation."
        )
    return entries.manifest()


def _videos(
    file: Path, found: Mapping[str, object]
) -> Iterator[tuple[str, str, Split | None, str, str, dict[str, object]]]:
    for dataset, kinds in found.items():
        for kind, splits in _inner(file, kinds):
            for word, videos in _inner(file, splits):
                split = split_of(word)
                for name, entry in _inner(file, videos):
                    if name in COMPRESSIONS and isinstance(entry, dict) and "frames" not in entry:
                        for video, inner in _inner(file, entry):
                            yield dataset, kind, split, name, video, _entry(file, inner)
                    else:
                        yield dataset, kind, split, "", name, _entry(file, entry)


def _medium(
    roots: list[Path], dataset: str, kind: str, split: Split | None, video: str, label: int, frame: str
) -> Medium | None:
    below = PurePosixPath(frame.replace("\\", "/"))
    if below.parts and below.parts[0].endswith(":"):
        return None
    places = [place for root in roots if (place := inside(root, below.as_posix())) is not None]
    if not places or not is_media_file(places[0]):
        return None
    place = next((place for place in places if _is_file(place)), places[0])
    domain, clip = _domain(dataset), video.partition("_")[0] if _is_pair(video) else video
    return Medium(
        place,
        below.as_posix(),
        label,
        domain,
        _LONG_NAMES.get(kind, kind.removesuffix("_fake").removesuffix("_Fake")) if label == FAKE else "",
        video=f"{domain}:{kind}/{video}",
        source=f"{domain}:{clip}",
        identities=tuple(f"{domain}:{person}" for person in video.split("_")) if _is_pair(video) else (),
        split=split,
    )


def _domain(dataset: str) -> str:
    """Return the data set whose clips these are: DF40's ``simswap_ff`` was made of those of FaceForensics++."""
    lower = dataset.lower()
    if lower.endswith("_ff") or lower.startswith(("faceforensics++", "ff-")) or lower == "faceshifter":
        return "FaceForensics++"
    if lower.endswith("_cdf") or lower.startswith("celeb-df"):
        return "Celeb-DF"
    return dataset


def _label(word: str, kind: str) -> int:
    text = f"{kind} {word}".lower()
    return REAL if any(real in text for real in _REAL_WORDS) else FAKE


def _is_pair(video: str) -> bool:
    parts = video.split("_")
    return len(parts) == 2 and all(part.isdigit() for part in parts)


def _inner(file: Path, found: object) -> list[tuple[str, object]]:
    if not isinstance(found, dict):
        raise InputError(
            f"{file}: {type(found).__name__} found; {{dataset: {{label: {{split: {{video: ...}}}}}}}} expected.",
            hint="Copy the file again.",
        )
    return list(found.items())


def _entry(file: Path, found: object) -> dict[str, object]:
    return dict(_inner(file, found))


def _preferred(found: Mapping[str, object]) -> str:
    text = json.dumps(
        [[list(videos) for splits in _values(kinds) for videos in _values(splits)] for kinds in found.values()]
    )
    return next((name for name in COMPRESSIONS if f'"{name}"' in text), "")


def _values(found: object) -> list[dict[str, object]]:
    return [value for value in found.values() if isinstance(value, dict)] if isinstance(found, dict) else []


def _file(path: Path) -> Path | None:
    if path.is_file():
        return path if path.suffix.lower() == ".json" else None
    files = sorted(path.glob("*.json")) if path.is_dir() else []
    files = [file for file in files if not file.name.startswith(".")]
    return files[0] if len(files) == 1 else None


def _has_shape(file: Path) -> bool:
    """Return whether a document has frames four or five levels deep, as far as its beginning tells."""
    try:
        with file.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError:
        return False
    before, frames, _ = head.partition(b'"frames"')
    return bool(frames) and before.count(b"{") >= 5


def _roots(file: Path) -> list[Path]:
    folder = file.parent
    places = [folder, folder / "rgb", folder / "datasets" / "rgb", folder / "datasets"]
    return [*places, *(folder.parent / name for name in ("rgb", "datasets/rgb", "datasets")), folder.parent]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False
