"""FaceForensics++ and what shares its tree: FaceShifter, DeepFakeDetection (DFD); and folders of its face crops."""

from __future__ import annotations

import re
from pathlib import Path

from vision_cli.core.errors import InputError, UsageError
from vision_cli.forgery_detect.data.layouts.entries import (
    FAKE,
    REAL,
    Entries,
    frame_folders,
    qualified,
    split_by_key,
    videos_in,
)
from vision_cli.forgery_detect.values import Manifest, Medium, Split
from vision_cli.io.pictures.folders import Request, folders_in
from vision_cli.io.reading import read_json

COMPRESSIONS = ("c23", "c40", "raw")
"""In the order of preference where none is asked for."""

FFPP, DFD = "FaceForensics++", "DeepFakeDetection"
CROPS = {
    "DF": "Deepfakes",
    "F2F": "Face2Face",
    "FS": "FaceSwap",
    "FSW": "FaceSwap",
    "NT": "NeuralTextures",
    "FSH": "FaceShifter",
    "FSh": "FaceShifter",
}
_SPLIT_FILES: tuple[Split, ...] = ("train", "val", "test")
_PAIR = re.compile(r"(\d+)_(\d+)")
_ACTORS = re.compile(r"(\d+)(?:_(\d+))?__")


def is_ffpp(path: Path) -> bool:
    """Return whether a folder has the trees of FaceForensics++."""
    return any((path / f"{kind}_sequences").is_dir() for kind in ("original", "manipulated"))


def read_ffpp(path: Path, request: Request, compression: str | None = None) -> Manifest:
    """Read ``{original,manipulated}_sequences/KIND/{raw,c23,c40}/videos/`` (Rössler et al. 2019).

    Frames in ``frames/ID/`` are taken where there are no videos. The first number of ``AAA_BBB`` is the clip that was
    manipulated; both are persons of it. Videos of actors (DFD) have no split: one is made by the persons.

    Parameters
    ----------
    path
        The folder.
    request
        How it is read.
    compression
        ``raw``, ``c23`` or ``c40``; by default the first there is of c23, c40 and raw.

    Raises
    ------
    UsageError
        If there is no such compression.
    """
    entries = Entries("ffpp", request)
    kinds = [
        (folder, label)
        for label, tree in ((REAL, "original_sequences"), (FAKE, "manipulated_sequences"))
        for folder in (folders_in(path / tree) if (path / tree).is_dir() else [])
    ]
    chosen = _compression(path, [folder for folder, _ in kinds], compression)
    entries.note(f"The compression {chosen} was read.")
    splits = read_splits(path)
    if not splits:
        entries.note("Videos of FaceForensics++ have no split: train.json, val.json and test.json are absent.")
    if any(folder.name in {"actors", DFD} for folder, _ in kinds):
        entries.note(
            "Actors of DeepFakeDetection were divided into parts; a clip whose two actors are in two has none."
        )
    for folder, label in kinds:
        domain = DFD if folder.name in {"actors", DFD} else FFPP
        for clip, mask in _clips(folder, chosen):
            name = clip.relative_to(path).as_posix()
            stem = clip.name if clip.is_dir() else clip.stem
            source, persons = _source(domain, stem)
            split = _split_of_actors(persons) if domain == DFD else splits.get(stem)
            entries.take(
                Medium(
                    clip,
                    name,
                    label,
                    domain,
                    folder.name if label == FAKE else "",
                    source=f"{domain}:{source}",
                    identities=qualified(domain, persons),
                    split=split,
                    mask=mask,
                )
            )
    return entries.manifest()


def read_splits(path: Path) -> dict[str, Split]:
    """Return the split of each clip and pair: a list ``[[a, b], ...]`` gives those of a, b, a_b and b_a.

    Raises
    ------
    InputError
        If a file is no such list.
    """
    found: dict[str, Split] = {}
    for split in _SPLIT_FILES:
        file = next(
            (place for place in (path / f"{split}.json", path / "splits" / f"{split}.json") if place.is_file()), None
        )
        if file is None:
            continue
        pairs = read_json(file)
        if not isinstance(pairs, list) or not all(_is_pair(pair) for pair in pairs):
            raise InputError(f'{file}: no list of pairs; [["000", "003"], ...] expected.', hint="Copy it again.")
        for first, second in pairs:
            found |= dict.fromkeys((first, second, f"{first}_{second}", f"{second}_{first}"), split)
    return found


def is_ffpp_crops(path: Path) -> bool:
    """Return whether a folder, or the one folder ``FF`` in it, has ``real`` and a manipulation as ``DF``."""
    names = {folder.name for folder in folders_in(_crops(path))} if path.is_dir() else set()
    return "real" in names and bool(names & set(CROPS))


def read_ffpp_crops(path: Path, request: Request) -> Manifest:
    """Read ``{real,DF,F2F,FS,NT}/CLIP/*.png``, a folder of frames a clip."""
    entries = Entries("ffpp-crops", request)
    root = _crops(path)
    for folder in folders_in(root):
        generator = CROPS.get(folder.name, "")
        if not generator and folder.name != "real":
            entries.skip(folder.name, "neither real nor a manipulation", is_damage=False)
            continue
        for clip in frame_folders(folder):
            source, persons = _source(FFPP, clip.name)
            entries.take(
                Medium(
                    clip,
                    clip.relative_to(path).as_posix(),
                    FAKE if generator else REAL,
                    FFPP,
                    generator,
                    source=f"{FFPP}:{source}",
                    identities=qualified(FFPP, persons),
                )
            )
    return entries.manifest()


def _crops(path: Path) -> Path:
    return path / "FF" if (path / "FF").is_dir() else path


def _compression(path: Path, kinds: list[Path], wanted: str | None) -> str:
    there = [name for name in COMPRESSIONS if any((kind / name).is_dir() for kind in kinds)]
    if wanted is not None and wanted not in there:
        raise UsageError(f"{path}: no compression {wanted!r}; {', '.join(there) or 'none'} expected.")
    if not there:
        raise InputError(f"{path}: no folder raw, c23 or c40; one expected.", hint="Copy the tree as it is published.")
    return wanted or there[0]


def _clips(kind: Path, compression: str) -> list[tuple[Path, Path | None]]:
    """Return the clips of a kind with their masks."""
    folder = kind / compression
    clips = videos_in(folder / "videos") or frame_folders(folder / "frames")
    places = (folder / "masks", kind / "masks" / "videos", kind / "masks")
    found = []
    for clip in clips:
        stem = clip.name if clip.is_dir() else clip.stem
        masks = (place / name for place in places for name in (stem, f"{stem}.mp4", f"{stem}.avi"))
        found.append((clip, next((mask for mask in masks if mask.exists()), None)))
    return found


def _source(domain: str, stem: str) -> tuple[str, tuple[str, ...]]:
    """Return the key of the clip that was manipulated, and the persons."""
    if domain == DFD:
        # An actor's clip is 03__scene; a manipulated one is 03_11__scene__CODE.
        match = _ACTORS.match(stem)
        if match is None:
            return stem, ()
        scene = stem.split("__")[1]
        return f"{match.group(1)}__{scene}", tuple(number for number in match.groups() if number)
    match = _PAIR.fullmatch(stem)
    return (match.group(1), match.groups()) if match else (stem, (stem,))


def _split_of_actors(persons: tuple[str, ...]) -> Split | None:
    """Return the split of the persons of a clip; None where they are in two, as the clip would join the parts."""
    splits = {split_by_key(f"{DFD}:{person}") for person in persons}
    return splits.pop() if len(splits) == 1 else None


def _is_pair(found: object) -> bool:
    return isinstance(found, list) and len(found) == 2 and all(isinstance(name, str) for name in found)
