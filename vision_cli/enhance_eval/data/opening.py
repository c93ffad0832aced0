"""Any data set by its folder: the layout is recognised, or it is said what was looked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from vision_cli.core.errors import InputError, UsageError
from vision_cli.enhance_eval.data.layouts import coco, exdark, exposures, labelled, paired, voc, yolo
from vision_cli.enhance_eval.data.layouts.folders import dataset
from vision_cli.enhance_eval.data.sources import FileSource
from vision_cli.enhance_eval.values import Dataset, Sample
from vision_cli.io.pictures.folders import Findings, Request, is_picture, names_below, pictures_below
from vision_cli.io.pictures.layouts import AUTO, Layout, choose_layout


def open_dataset(
    path: Path,
    layout: str = AUTO,
    *,
    split: str | None = None,
    limit: int | None = None,
    reference_dir: Path | None = None,
    strict: bool = False,
) -> Dataset:
    """Read a data set; its pictures are read later, when they are asked for.

    Parameters
    ----------
    path
        Its folder; or a JSON file of COCO, a ``data.yaml`` of YOLO, one picture.
    layout
        Name of its layout, or ``auto``.
    split
        ``train``, ``val``, ``test`` or ``all``; by default ``test`` where there is such a part, else ``val``.
    limit
        How many samples to take at most, evenly spaced in the order of their names: classes and scenes all take part.
    reference_dir
        Folder of well-exposed partners, by stem.
    strict
        Whether a missing pair, a size that differs or a name that does not map is an error instead of a note.

    Raises
    ------
    UsageError
        If there is no such layout or part.
    InputError
        If the layout is not recognised, its files are damaged, or nothing in it can be used.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or folder.", hint="Give the folder of a data set.")
    findings = Findings(strict)
    hint = "Give the folder that holds these, or one with pictures in it."
    found = choose_layout(LAYOUTS, path, layout, hint=hint).read(path, Request(split, findings))
    samples = found.samples
    if reference_dir is not None:
        samples = paired.with_references(found, reference_dir, findings)
    if not samples:
        raise InputError(
            f"{path}: no picture of the layout {found.layout} can be used. {' '.join(findings.sentences())}".strip(),
            hint="Repair the data set, or name another layout with --layout.",
        )
    if limit is not None and limit < len(samples):
        if limit < 1:
            raise UsageError(f"a limit of {limit} pictures; 1 or more expected.")
        findings.say(f"{limit} of {len(samples)} pictures were taken, evenly spaced in the order of their names.")
        samples = [samples[place * len(samples) // limit] for place in range(limit)]
    return replace(found, samples=tuple(samples), notes=findings.sentences())


def _is_flat(path: Path) -> bool:
    return is_picture(path) or bool(pictures_below(path))


def _read_flat(path: Path, request: Request) -> Dataset:
    request.no_parts(path)
    root = path.parent if path.is_file() else path
    found = [path] if path.is_file() else pictures_below(path)
    samples = [
        Sample(name, FileSource(picture), attributes=_folder(picture, root))
        for name, picture in zip(names_below(root, found), found, strict=True)
    ]
    return dataset("flat", samples, request.findings)


def _folder(picture: Path, root: Path) -> dict[str, str]:
    """Return the folder of a picture of a tree, to divide the results by."""
    inside = picture.parent.relative_to(root).as_posix()
    return {} if inside == "." else {"folder": inside}


def _has_pairs(find: Callable[[Path], paired.Places], path: Path) -> bool:
    return path.is_dir() and bool(find(path))


def _read_paired(name: str, path: Path, request: Request) -> Dataset:
    places = paired.PAIRED[name](path)
    if not places:
        raise InputError(f"{path}: not laid out as {name}.", hint="See vcli enhance-eval list datasets.")
    return paired.read_pairs(name, places, path, request)


_PAIRED_EXPECT = {
    "lol-v1": "{our485,eval15}/{low,high}",
    "lol-v2": "{Real_captured,Synthetic}/{Train,Test}/{Low,Normal}",
    "lsrw": "{Huawei,Nikon}/{low,high}",
    "basicsr": "{Train,Test}/{input,target}",
    "pairs": "{low,high} or {input,target}",
}

LAYOUTS: tuple[Layout[Dataset], ...] = (
    Layout("exdark", "ExDark/<Class>/ and ExDark_Annno/", exdark.is_exdark, exdark.read_exdark),
    Layout("exdark-voc", "JPEGImages/IMGS and Annotations/", voc.is_exdark_voc, voc.read_exdark_voc),
    Layout("voc", "JPEGImages/ and Annotations/", voc.is_voc, voc.read_voc),
    Layout("coco", "annotations/instances_*.json or another JSON file of COCO", coco.is_coco, coco.read_coco),
    Layout("yolo", "data.yaml, or images/ and labels/", yolo.is_yolo, yolo.read_yolo),
    Layout("dark-face", "image/ and label/", yolo.is_dark_face, yolo.read_dark_face),
    Layout("sice", "001/ with exposures and Label/", exposures.is_sice, exposures.read_sice),
    *(
        Layout(name, _PAIRED_EXPECT[name], partial(_has_pairs, find), partial(_read_paired, name))
        for name, find in paired.PAIRED.items()
    ),
    Layout("caltech-256", "001.<class>/", labelled.is_caltech, labelled.read_caltech),
    Layout("imagenet", "n01440764_<name>.JPEG", labelled.is_imagenet, labelled.read_imagenet),
    Layout("image-folder", "<class>/ with pictures", labelled.is_image_folder, labelled.read_image_folder),
    Layout(
        "stacks",
        "1.jpg, 2.jpg, ...: 20 or more exposures of scenes in turn",
        lambda path: path.is_dir() and exposures.is_numbered_stacks(path),
        exposures.read_numbered_stacks,
    ),
    Layout("flat", "pictures in a folder or a tree of folders", _is_flat, _read_flat),
)
"""All layouts, the more special ones first."""
