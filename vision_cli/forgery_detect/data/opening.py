"""Any data set of real and forged media by its folder or file; its layout is recognised."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from vision_cli.core.errors import InputError, UsageError
from vision_cli.forgery_detect.data.layouts import celebdf, dfdc, faceforensics, indexes, pictures, tables
from vision_cli.forgery_detect.values import Manifest
from vision_cli.io.pictures.folders import ALL, Findings, Request
from vision_cli.io.pictures.layouts import AUTO, Layout, choose_layout
from vision_cli.io.pictures.left_out import require_few_skipped

SPLITS = ("train", "val", "test", ALL)
_OF_FILES = frozenset({"manifest", "dfb"})


def open_media(
    path: Path,
    layout: str = AUTO,
    *,
    compression: str | None = None,
    split: str | None = None,
    strict: bool = False,
    allow_skips: bool = False,
) -> Manifest:
    """Read what media a data set has; pictures and videos themselves are read later.

    Parameters
    ----------
    path
        Its folder, or a manifest or index.
    layout
        Name of its layout, or ``auto``.
    compression
        ``raw``, ``c23`` or ``c40`` of FaceForensics++ and indexes with such levels.
    split
        ``train``, ``val`` or ``test``; all media by default.
    strict
        Whether an entry that is missing or damaged is an error.
    allow_skips
        Whether more than 5 % of such entries are accepted.

    Raises
    ------
    UsageError
        If there is no such layout, split or compression.
    InputError
        If the layout is not recognised, its files are damaged, nothing in it can be used, or too much of it cannot.
    """
    if split not in {None, *SPLITS}:
        raise UsageError(f"split {split!r}; {', '.join(SPLITS)} expected.")
    if not path.exists():
        raise InputError(f"{path}: no such file or folder.", hint="Give the folder of a data set, or a manifest.")
    chosen = choose_layout(layouts(compression), path, layout, hint="Give the folder that holds these, or a manifest.")
    if path.is_file() and chosen.name not in _OF_FILES:
        raise InputError(f"{path}: a file; the folder of the layout {chosen.name} expected.", hint="Give its folder.")
    if path.is_dir() and chosen.name == "manifest":
        raise InputError(f"{path}: a folder; a manifest expected.", hint="Give the .csv or .jsonl file.")
    found = chosen.read(path, Request(split or ALL, Findings(strict)))
    if not found.media:
        first = f" First left out: {found.skipped[0].name}, {found.skipped[0].reason}." if found.skipped else ""
        part = f" of the part {split}" if split not in {None, ALL} else ""
        raise InputError(
            f"{path}: no medium{part} of the layout {found.layout}, {len(found.skipped)} left out.{first}",
            hint="Repair the data set, or name another layout or split.",
        )
    require_few_skipped(path, found.skipped, len(found.media), allow_skips=allow_skips)
    return found


def join_manifests(manifests: Sequence[Manifest]) -> Manifest:
    """Return the media of several data sets as one; a name that occurs in two gets a number in front.

    Raises
    ------
    ValueError
        If there is none.
    """
    if not manifests:
        raise ValueError("no manifest; one or more expected")
    if len(manifests) == 1:
        return manifests[0]
    names = [medium.name for manifest in manifests for medium in manifest.media]
    is_unique = len(set(names)) == len(names)
    media = [
        medium if is_unique else dataclasses.replace(medium, name=f"{number}/{medium.name}")
        for number, manifest in enumerate(manifests, start=1)
        for medium in manifest.media
    ]
    return Manifest(
        "+".join(dict.fromkeys(manifest.layout for manifest in manifests)),
        tuple(sorted(media, key=lambda medium: medium.name)),
        tuple(entry for manifest in manifests for entry in manifest.skipped),
        tuple(dict.fromkeys(note for manifest in manifests for note in manifest.notes)),
    )


def layouts(compression: str | None = None) -> tuple[Layout[Manifest], ...]:
    """Return all layouts, the more special ones first."""
    ffpp = partial(faceforensics.read_ffpp, compression=compression)
    index = partial(indexes.read_index, compression=compression)
    return (
        Layout("manifest", "a .csv or .jsonl with path and label", tables.is_manifest, tables.read_manifest),
        Layout("ffpp", "{original,manipulated}_sequences/", faceforensics.is_ffpp, ffpp),
        Layout("celebdf", "Celeb-synthesis/ and Celeb-real/", celebdf.is_celebdf, celebdf.read_celebdf),
        Layout("dfdc", "metadata.json or labels.csv with filename", dfdc.is_dfdc, dfdc.read_dfdc),
        Layout("dfdcp", "dataset.json with label and set", dfdc.is_dfdcp, dfdc.read_dfdcp),
        Layout("dfb", "an index .json of DeepfakeBench or DF40", indexes.is_index, index),
        Layout("genface", "fake/{EFS,AM,FS}/", pictures.is_genface, pictures.read_genface),
        Layout("dff", "wiki/ and text2img/, inpainting/ or insight/", pictures.is_dff, pictures.read_dff),
        Layout("wilddeepfake", "{real,fake}_{train,test}/", pictures.is_wilddeepfake, pictures.read_wilddeepfake),
        Layout(
            "ffpp-crops", "real/ and DF/, F2F/, FS/ or NT/", faceforensics.is_ffpp_crops, faceforensics.read_ffpp_crops
        ),
        Layout("folders", "[SPLIT/]{real,fake}/", pictures.is_folders, pictures.read_folders),
    )
