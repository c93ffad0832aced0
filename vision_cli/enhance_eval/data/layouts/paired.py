"""Dark pictures with a well-exposed partner: LOL, BasicSR, LSRW, and any two folders of pairs.

::

    {our485,eval15}/{low,high}                              LOL v1
    {Real_captured,Synthetic}/{Train,Test}/{Low,Normal}     LOL v2
    {Train,Test}/{input,target}                             BasicSR
    [Eval|Training data]/{Huawei,Nikon}/{low,high}          LSRW
    {low,high}, {input,target}, {dark,normal} ...           pairs

Partners have one stem, or one after ``low``, ``normal`` and ``high`` are taken out of it, and one size.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vision_cli.core.errors import InputError
from vision_cli.enhance_eval.data.layouts.folders import dataset
from vision_cli.enhance_eval.data.sources import FileSource
from vision_cli.enhance_eval.values import Dataset, Sample
from vision_cli.io.pictures.folders import Findings, Request, child, pictures_below

_LOW = ("low", "input", "dark", "lq", "lowlight", "low_light")
_HIGH = ("high", "normal", "target", "gt", "reference", "ref", "normallight", "normal_light")
_EXPOSURE = re.compile(r"(?<![a-z])(low|normal|high)(?![a-z])")
_NOT_LETTERS = re.compile(r"[^a-z0-9]+")
_PARTS = {"train": ("train", "training", "training data"), "val": ("val", "validation"), "test": ("test", "eval")}


@dataclass(frozen=True)
class PairFolders:
    """Two folders of partners and the name of the subset that they are."""

    low: Path
    high: Path
    subset: str = ""


Places = Mapping[str, Sequence[PairFolders]]
"""Folders of partners by part; ``""`` for a data set without parts."""


def lol_v1(root: Path) -> Places:
    """Find the folders of LOL v1 (Wei et al. 2018)."""
    return _found({"train": [_pair(child(root, "our485"))], "test": [_pair(child(root, "eval15"))]})


def lol_v2(root: Path) -> Places:
    """Find the folders of LOL v2 (Yang et al. 2021), its real and synthetic pictures told apart by ``subset``."""
    subsets = [found for name in ("Real_captured", "Synthetic") if (found := child(root, name)) is not None]
    return _found(
        {part: [_pair(child(subset, *names), subset.name) for subset in subsets] for part, names in _PARTS.items()}
    )


def basicsr(root: Path) -> Places:
    """Find the folders of restoration data in the shape of BasicSR."""
    return _found({part: [_pair(child(root, *names))] for part, names in _PARTS.items()})


def lsrw(root: Path) -> Places:
    """Find the folders of LSRW (Hai et al. 2023), its two cameras told apart by ``subset``."""
    cameras = ("Huawei", "Nikon")
    whole = {"": [_pair(child(root, camera), camera) for camera in cameras]}
    parts = {
        part: [_pair(child(found, camera), camera) for camera in cameras]
        for part, names in _PARTS.items()
        if (found := child(root, *names)) is not None
    }
    return _found(parts) or _found(whole)


def pairs(root: Path) -> Places:
    """Find any two folders of partners."""
    return _found({"": [_pair(root)]})


def read_pairs(layout: str, places: Places, root: Path, request: Request) -> Dataset:
    """Read pairs.

    Parameters
    ----------
    layout
        Its name.
    places
        Where they are, by one of the functions of this module.
    root, request
        The folder and how to read it.
    """
    if "" in places:
        request.no_parts(root)
        chosen = places
    else:
        chosen = request.parts(root, places)
    samples = [
        Sample(
            f"{low.parent.relative_to(root).as_posix()}/{low.stem}".removeprefix("./"),
            FileSource(low),
            FileSource(high),
            attributes={"subset": folders.subset} if folders.subset else {},
        )
        for group in chosen.values()
        for folders in group
        for low, high in partners(folders.low, folders.high, request.findings)
    ]
    return dataset(layout, samples, request.findings)


def partners(low: Path, high: Path, findings: Findings) -> list[tuple[Path, Path]]:
    """Pair the pictures of two folders; what has no partner, two of them, or one of another size is left out.

    Raises
    ------
    InputError
        If a picture's header is damaged.
    """
    found = match_pictures(pictures_below(low), pictures_below(high), high.name, findings)
    return [(first, second) for first, second in found if has_one_size(first, second, findings)]


def match_pictures(
    pictures: Sequence[Path], others: Sequence[Path], where: str, findings: Findings
) -> list[tuple[Path, Path]]:
    """Give pictures their partners by stem, else by stem without the words of an exposure.

    Parameters
    ----------
    pictures, others
        Those to pair, and their partners.
    where
        What holds the partners, for the message.
    findings
        Receives the pictures without one.
    """
    by_stem, by_key = _groups(others, lambda path: path.stem), _groups(others, _key)
    own = _groups(pictures, _key)
    found = []
    for path in pictures:
        same = by_stem.get(path.stem, [])
        candidates = same or (by_key.get(_key(path), []) if len(own[_key(path)]) == 1 else [])
        if len(candidates) == 1:
            found.append((path, candidates[0]))
        elif candidates:
            findings.leave_out(path.name, f"several partners in {where}")
        else:
            findings.leave_out(path.name, f"no partner in {where}")
    return found


def has_one_size(path: Path, partner: Path, findings: Findings) -> bool:
    """Return whether two pictures have one size; if not, record it."""
    own, other = FileSource(path).size(), FileSource(partner).size()
    if own != other:
        sizes = f"{own[1]} x {own[0]} against {other[1]} x {other[0]} pixels"
        findings.leave_out(f"{path.name} ({sizes})", "a partner of another size")
    return own == other


def with_references(data: Dataset, folder: Path, findings: Findings) -> list[Sample]:
    """Give the samples of a data set their partners in a folder, whatever partners they had.

    Raises
    ------
    InputError
        If the folder holds no pictures, or the data set's pictures are no files.
    """
    others = pictures_below(folder)
    if not others:
        raise InputError(f"{folder}: no pictures; references expected.")
    paths = {sample.name: sample.source.path for sample in data.samples if isinstance(sample.source, FileSource)}
    if len(paths) < len(data.samples):
        raise InputError(f"{folder}: references for {data.layout}; pictures of files expected.")
    found = dict(match_pictures(list(paths.values()), others, folder.name, findings))
    return [
        Sample(sample.name, sample.source, FileSource(partner), sample.boxes, sample.label, sample.attributes)
        for sample in data.samples
        if (partner := found.get(paths[sample.name])) is not None
        and has_one_size(paths[sample.name], partner, findings)
    ]


def _pair(folder: Path | None, subset: str = "") -> PairFolders | None:
    if folder is None or not folder.is_dir():
        return None
    low, high = child(folder, *_LOW), child(folder, *_HIGH)
    if low is None or high is None or not (low.is_dir() and high.is_dir()):
        return None
    return PairFolders(low, high, subset)


def _found(places: Mapping[str, Sequence[PairFolders | None]]) -> Places:
    kept = {part: [found for found in group if found is not None] for part, group in places.items()}
    return {part: group for part, group in kept.items() if group}


def _groups(paths: Sequence[Path], key: Callable[[Path], str]) -> dict[str, list[Path]]:
    groups: dict[str, list[Path]] = {}
    for path in paths:
        groups.setdefault(key(path), []).append(path)
    return groups


def _key(path: Path) -> str:
    return _NOT_LETTERS.sub("", _EXPOSURE.sub("", path.stem.lower()))


PAIRED = {"lol-v1": lol_v1, "lol-v2": lol_v2, "lsrw": lsrw, "basicsr": basicsr, "pairs": pairs}
"""Functions that find the folders of each paired layout, the more special ones first."""
