"""Readers of the layouts of data sets: the images, their labels and subsets, and the pairs."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vision_cli.core.errors import InputError
from vision_cli.io.tables.tables import read_csv_table
from vision_cli.io.volumes.volumes import Volume, read_volume
from vision_cli.register.data.pickles import read_subject
from vision_cli.register.options.evaluation import Layout, Subset

_IMAGES = (".nii", ".nii.gz", ".mgz", ".mha", ".mhd", ".nrrd", ".npz", ".png", ".tif", ".tiff")
_SUBSETS: Mapping[str, Subset] = {"train": "train", "val": "validation", "validation": "validation", "test": "test"}

# FreeSurfer numbers of the labels 0, 1, 2, ... of IXI, in the order of TransMorph.
_IXI_NUMBERS = (
    *(0, 2, 3, 4, 5, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 24, 26, 28, 30, 31, 41, 42, 43, 44, 46, 47),
    *(49, 50, 51, 52, 53, 54, 58, 60, 62, 63, 72, 77, 80, 85, 251, 252, 253, 254, 255),
)
_IXI_STRUCTURES: Mapping[str, tuple[int, ...]] = {
    "brain stem": (16,),
    "thalamus": (10, 49),
    "cerebellum cortex": (8, 47),
    "cerebral white matter": (2, 41),
    "cerebellum white matter": (7, 46),
    "putamen": (12, 51),
    "ventral DC": (28, 60),
    "pallidum": (13, 52),
    "caudate": (11, 50),
    "lateral ventricle": (4, 43),
    "hippocampus": (17, 53),
    "3rd ventricle": (14,),
    "4th ventricle": (15,),
    "amygdala": (18, 54),
    "cerebral cortex": (3, 42),
    "CSF": (24,),
    "choroid plexus": (31, 63),
}
_HEART_STRUCTURES: Mapping[str, tuple[int, ...]] = {"RV": (1,), "myocardium": (2,), "LV": (3,)}


@dataclass(frozen=True)
class ImageFile:
    """An image of a data set.

    Attributes
    ----------
    id
        Unique name.
    image, label
        Files of the image and its labels; the same file if it contains both.
    subset
        Part of the data set; None if the layout has none.
    """

    id: str
    image: Path
    label: Path | None = None
    subset: Subset | None = None


@dataclass(frozen=True)
class ListedPair:
    """A pair of images, by their ids."""

    fixed: str
    moving: str
    subset: Subset | None = None


@dataclass(frozen=True)
class Collection:
    """A data set.

    Attributes
    ----------
    images
        All its images.
    pairs
        Its listed pairs; if empty, any two images of a subset are a pair.
    atlas
        Id of the moving image of every pair; None without an atlas.
    aligned
        Whether all images are aligned already.
    structures
        Labels of each structure that the protocol of the data set reports; if empty, every label is a structure.
    """

    images: tuple[ImageFile, ...]
    pairs: tuple[ListedPair, ...] = ()
    atlas: str | None = None
    aligned: bool = False
    structures: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def read_collection(path: Path, layout: Layout, dim: int = 3) -> Collection:
    """Return the images and pairs of a data set; the images are not read.

    Parameters
    ----------
    path
        A table for ``csv`` (``id, image[, label][, split]``, or ``id, fixed, moving`` and so on); a folder of images,
        or of ``images`` and ``labels``, for ``folder``; the root of neurite-OASIS (``oasis``), of TransMorph's IXI
        (``ixi``), of ACDC or of subjects with ``sa_ED`` and ``sa_ES`` (``cmr``); a Learn2Reg JSON for ``l2r``.
    layout
        Layout of the data set.
    dim
        Number of axes, 2 or 3, for layouts that have images of both.

    Raises
    ------
    InputError
        If the data set does not have that layout, a file is missing, or there are no images.
    """
    if not path.exists():
        raise InputError(
            f"{path}: no such file or folder; a data set expected.", hint="Check the path of the data set."
        )
    readers: Mapping[Layout, Callable[[], Collection]] = {
        "csv": lambda: _read_table(path),
        "folder": lambda: _read_folder(path),
        "oasis": lambda: _read_oasis(path, dim),
        "ixi": lambda: _read_ixi(path),
        "cmr": lambda: _read_cmr(path),
        "l2r": lambda: _read_l2r(path),
    }
    if layout not in ("csv", "l2r") and not path.is_dir():
        raise InputError(
            f"{path}: a file found; the folder of a data set, with --layout {layout}, expected.", hint="Check --layout."
        )
    collection = readers[layout]()
    if not [image for image in collection.images if image.id != collection.atlas]:
        raise InputError(f"{path}: no images found; images in the layout {layout} expected.", hint="Check --layout.")
    counts = Counter(image.id for image in collection.images)
    if doubled := sorted(name for name, count in counts.items() if count > 1):
        raise InputError(f"{path}: two images named {doubled[0]} found; unique names expected.", hint="Rename one.")
    for image in collection.images:
        for file in (image.image, image.label):
            if file is not None and not file.exists():
                raise InputError(
                    f"{path}: {image.id}: {file}: no such file; an image or labels expected.",
                    hint="Check that the data set is complete.",
                )
    return collection


def read_image(file: ImageFile) -> tuple[Volume, Volume | None]:
    """Return an image of a data set and its labels, None without labels.

    Raises
    ------
    InputError
        If a file cannot be used, or labels have another number of axes than their image.
    """
    if file.image.suffix == ".pkl":
        return read_subject(file.image)
    image = read_volume(file.image, kind="image")
    labels = None if file.label is None else read_volume(file.label, kind="labels")
    if labels is not None and labels.ndim != image.ndim:
        raise InputError(
            f"{labels.path}: {labels.ndim}D labels found; {image.ndim}D, as {image.path}, expected.",
            hint="Give the labels of this image.",
        )
    return image, labels


def _read_table(path: Path) -> Collection:
    rows = read_csv_table(path, ("id",))
    for row in rows:
        for column in ("image", "label", "fixed", "moving", "fixed_label", "moving_label"):
            file = _beside(path, row.get(column))
            if file is not None and not file.exists():
                raise InputError(
                    f"{path}: row {row['id']}: {column} {file}: no such file; an image or labels expected.",
                    hint="Correct the table.",
                )
    if "image" in rows[0]:
        return Collection(
            tuple(
                ImageFile(row["id"], path.parent / row["image"], _beside(path, row.get("label")), _subset(path, row))
                for row in read_csv_table(path, ("id", "image"))
            )
        )
    images: dict[str, ImageFile] = {}
    pairs = []
    for row in read_csv_table(path, ("id", "fixed", "moving")):
        subset = _subset(path, row)
        for side in ("fixed", "moving"):
            # The same image may be in several rows, with labels in some of them.
            known = images.get(row[side])
            label = _beside(path, row.get(f"{side}_label")) or (known.label if known else None)
            images[row[side]] = ImageFile(row[side], path.parent / row[side], label)
        pairs.append(ListedPair(row["fixed"], row["moving"], subset))
    return Collection(tuple(images.values()), tuple(pairs))


def _read_folder(path: Path) -> Collection:
    home = path / "images" if (path / "images").is_dir() else path
    labels = path / "labels"
    files = [file for file in sorted(home.iterdir()) if file.name.endswith(_IMAGES) and file.is_file()]
    return Collection(tuple(ImageFile(_stem(file), file, _label_in(labels, file)) for file in files))


def _read_oasis(path: Path, dim: int) -> Collection:
    listed = path / "subjects.txt"
    if listed.is_file():
        names = _text(listed).split()
    else:
        names = sorted(folder.name for folder in path.glob("OASIS_*") if folder.is_dir())
    kind, maps = ("aligned", ("seg35", "seg4")) if dim == 3 else ("slice", ("seg24", "seg4"))
    images = []
    for name in names:
        folder = path / name
        image = _first(folder / f"{kind}_{which}.nii.gz" for which in ("norm", "orig"))
        if image is None:
            raise InputError(
                f"{folder}: neither {kind}_norm.nii.gz nor {kind}_orig.nii.gz found; one of them expected.",
                hint="Check that the data set is complete.",
            )
        images.append(ImageFile(name, image, _first(folder / f"{kind}_{which}.nii.gz" for which in maps)))
    return Collection(tuple(images), aligned=True)


def _read_ixi(path: Path) -> Collection:
    root = path / "IXI_data" if (path / "IXI_data").is_dir() else path
    folders: Mapping[str, Subset] = {"Train": "train", "Val": "validation", "Test": "test"}
    images = [
        ImageFile(f"{folder} {file.stem}", file, file, subset)
        for folder, subset in folders.items()
        for file in sorted((root / folder).glob("*.pkl"), key=_number)
    ]
    atlas = root / "atlas.pkl"
    if not atlas.is_file():
        raise InputError(
            f"{atlas}: no such file; the atlas of the data set expected.", hint="Check that the data set is complete."
        )
    position = {number: place for place, number in enumerate(_IXI_NUMBERS)}
    structures = {name: tuple(position[n] for n in numbers) for name, numbers in _IXI_STRUCTURES.items()}
    return Collection((*images, ImageFile("atlas", atlas, atlas)), (), "atlas", True, structures)


def _read_cmr(path: Path) -> Collection:
    images: list[ImageFile] = []
    pairs = []
    for home, subset in _homes(path):
        for folder in sorted(home.iterdir()) if home.is_dir() else ():
            phases = _phases(folder)
            if phases is None:
                continue
            for phase, (image, label) in zip(("ED", "ES"), phases, strict=True):
                images.append(ImageFile(f"{folder.name}-{phase}", image, label if label.is_file() else None, subset))
            pairs.append(ListedPair(f"{folder.name}-ED", f"{folder.name}-ES", subset))
    return Collection(tuple(images), tuple(pairs), structures=_HEART_STRUCTURES)


def _homes(path: Path) -> Iterator[tuple[Path, Subset | None]]:
    """Yield the folders that may contain subjects, with their subset."""
    yield path, None
    yield path / "training", "train"
    yield path / "testing", "test"


def _phases(folder: Path) -> Sequence[tuple[Path, Path]] | None:
    """Return image and labels at end diastole and end systole; None if the folder is not that of a subject."""
    if (folder / "sa_ED.nii.gz").is_file():
        return [(folder / f"sa_{phase}.nii.gz", folder / f"label_sa_{phase}.nii.gz") for phase in ("ED", "ES")]
    facts = folder / "Info.cfg"
    if not facts.is_file():
        return None
    lines = dict(line.split(":", 1) for line in _text(facts).splitlines() if ":" in line)
    try:
        frames = [int(lines[phase]) for phase in ("ED", "ES")]
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{facts}: no frame numbers of ED and ES found ({error}); both expected.",
            hint="Add lines such as ED: 1 and ES: 12.",
        ) from error
    stems = [f"{folder.name}_frame{frame:02d}" for frame in frames]
    return [(folder / f"{stem}.nii.gz", folder / f"{stem}_gt.nii.gz") for stem in stems]


def _read_l2r(path: Path) -> Collection:
    if path.is_dir():
        found = sorted(path.glob("*_dataset.json"))
        if len(found) != 1:
            raise InputError(
                f"{path}: {len(found)} files *_dataset.json found; one expected.", hint="Give the path of the file."
            )
        path = found[0]
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        images = {
            str(entry["image"]): _l2r_image(path, str(entry["image"]), "train", entry.get("label"))
            for entry in document.get("training", ())
        }
        pairs = []
        for key, subset in _L2R_PAIRS.items():
            for entry in document.get(key, ()):
                for side in ("fixed", "moving"):
                    images.setdefault(str(entry[side]), _l2r_image(path, str(entry[side]), subset))
                pairs.append(ListedPair(str(entry["fixed"]), str(entry["moving"]), subset))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: not a Learn2Reg data set ({type(error).__name__}: {error}); images under training and pairs "
            f"under {' or '.join(_L2R_PAIRS)} expected.",
            hint="Correct the file.",
        ) from error
    return Collection(tuple(images.values()), tuple(pairs))


_L2R_PAIRS: Mapping[str, Subset] = {
    "training_paired_images": "train",
    "registration_val": "validation",
    "registration_test": "test",
}


def _l2r_image(path: Path, name: str, subset: Subset, label: str | None = None) -> ImageFile:
    image = path.parent / name
    if label:
        return ImageFile(name, image, path.parent / label, subset)
    labels = image.parent.with_name(image.parent.name.replace("images", "labels"))
    return ImageFile(name, image, _label_in(labels, image) if labels != image.parent else None, subset)


def _subset(path: Path, row: Mapping[str, str]) -> Subset | None:
    word = row.get("split", "")
    if word and word not in _SUBSETS:
        raise InputError(
            f"{path}: row {row['id']}: split {word!r} found; train, validation or test expected.",
            hint="Correct the table.",
        )
    return _SUBSETS.get(word)


def _beside(table: Path, cell: str | None) -> Path | None:
    return table.parent / cell if cell else None


def _label_in(folder: Path, image: Path) -> Path | None:
    """Return the file of an image's labels: that of the same name in a folder, or the image's if it contains both."""
    if (folder / image.name).is_file():
        return folder / image.name
    return image if image.suffix == ".npz" and _holds_labels(image) else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text; text expected.", hint="Save it as UTF-8.") from error


def _holds_labels(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "seg.npy" in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def _first(paths: Iterable[Path]) -> Path | None:
    return next((path for path in paths if path.is_file()), None)


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").rsplit(".", 1)[0]


def _number(path: Path) -> tuple[int, str]:
    digits = "".join(c for c in path.stem if c.isdigit())
    return int(digits or 0), path.stem
