"""Layouts of data sets: which scans there are, and what their names say about them.

Real3D-AD, Anomaly-ShapeNet, MulSen-AD, MiniShift, MVTec 3D-AD, and plain folders. Naming rules are those of the data
sets' own loaders. Only names are read, and MulSen-AD's table of labels.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from vision_cli.core.errors import InputError
from vision_cli.io.points.clouds import POINT_SUFFIXES
from vision_cli.io.tables.tables import read_csv_table
from vision_cli.pcd_anomaly.options import Layout

LAYOUTS: tuple[Layout, ...] = get_args(Layout)
"""Names of the layouts."""

Split = Literal["train", "validation", "test"]

_GOOD = {"good", "ok", "normal", "positive"}
_NO_KINDS = {"cut", "copy", "template", "prototype"}
_TRUTH_FOLDERS = ("gt", "GT", "ground_truth")
_DEPTH = 4


@dataclass(frozen=True)
class Sample:
    """A scan of a data set.

    Attributes
    ----------
    class_name
        Class of the part.
    name
        Path inside class and split, without suffix; unique there.
    path
        File of the scan.
    split
        Split of the data set.
    is_defective
        Whether the part has a defect; None if only the ground truth of the points says, or nothing.
    defect
        Kind of the defect, if a name says it.
    truth
        File with the ground truth of the points; None if there is none, as for good parts.
    layout
        Layout of the data set, which decides how scan and truth are read.
    """

    class_name: str
    name: str
    path: Path
    split: Split
    is_defective: bool | None
    defect: str | None
    truth: Path | None
    layout: Layout

    @property
    def item(self) -> str:
        """Name of the scan in a run, ``CLASS/NAME``."""
        return f"{self.class_name}/{self.name}"


@dataclass(frozen=True)
class DataSet:
    """The scans of a data set.

    Attributes
    ----------
    root
        Folder of the data set.
    layout
        Layout of the data set.
    samples
        Scans by class, split and name.
    """

    root: Path
    layout: Layout
    samples: tuple[Sample, ...]

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in alphabetical order."""
        return tuple(sorted({sample.class_name for sample in self.samples}))

    def of(self, class_name: str, split: Split) -> tuple[Sample, ...]:
        """Return the scans of a class and split."""
        return tuple(s for s in self.samples if s.class_name == class_name and s.split == split)


def read_dataset(root: str | Path, layout: Layout | None = None, classes: Sequence[str] = ()) -> DataSet:
    """Return the scans of a data set.

    Parameters
    ----------
    root
        Its folder, the folder above, or that of one class.
    layout
        Layout; detected if None.
    classes
        Names of the classes to read; all if empty.

    Raises
    ------
    InputError
        If there is no such folder, its layout is another one or unknown, a class is missing or has no scans to train
        on, or two scans of a class have the same name.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; a data set expected.", hint="Check the path.")
    layout = layout or detect_layout(root)
    reader = _READERS[layout]
    folders = _class_folders(root, reader.is_class)
    if not folders:
        raise InputError(f"{root}: no classes in the layout {layout}.", hint=f"{reader.shape} is expected.")
    by_name = {folder.resolve().name: folder for folder in folders}
    if missing := [name for name in classes if name not in by_name]:
        raise InputError(
            f"{root}: class {missing[0]} not found; one of {', '.join(sorted(by_name))} expected.",
            hint="Check --class.",
        )
    samples: list[Sample] = []
    for name in sorted(classes or by_name):
        found = sorted(reader.read(name, by_name[name]), key=lambda s: (s.split, _natural(s.name)))
        _require_usable(by_name[name], found)
        samples += found
    return DataSet(root, layout, tuple(samples))


def read_folders(
    train: str | Path | None,
    test: str | Path | None = None,
    truth: str | Path | None = None,
    class_name: str | None = None,
) -> DataSet:
    """Return the scans of one class in plain folders.

    A scan is good if a folder or a word of its name says so (``good``, ``ok``, ``normal``, ``positive``). The truth of
    ``test/a/b.ply`` is ``truth/a/b.*``.

    Parameters
    ----------
    train, test
        Folders of scans, searched recursively, at least one of them; ``train`` may be a single file, as a CAD mesh.
    truth
        Folder of the ground truth of the points.
    class_name
        Name of the class; the name of the folder of ``train``, or else of ``test``, by default.

    Raises
    ------
    InputError
        If a folder is missing or empty, or two scans have the same name.
    """
    for folder in (train, test, truth):
        if folder is not None and not Path(folder).exists():
            raise InputError(f"{folder}: no such folder; scans expected.", hint="Check the path.")
    truth_folder = None if truth is None else Path(truth)
    given: dict[Split, Path] = {}
    if train is not None:
        given["train"] = Path(train)
    if test is not None:
        given["test"] = Path(test)
    homes = {split: folder if folder.is_dir() else folder.parent for split, folder in given.items()}
    first = next(iter(homes.values())).resolve()
    name = class_name or (first.parent.name if first.name in homes else first.name)
    samples: list[Sample] = []
    for split, folder in given.items():
        found = list(_scans(folder))
        if not found:
            raise InputError(f"{folder}: no scans found; one or more expected.", hint="Check the path.")
        samples += [
            _plain(name, path, homes[split], split, truth_folder if split == "test" else None) for path in found
        ]
    samples.sort(key=lambda s: (s.split, _natural(s.name)))
    _require_own_names(samples)
    return DataSet(first, "folder", tuple(samples))


def detect_layout(root: Path) -> Layout:
    """Return the layout of a data set, by its folders and suffixes.

    Raises
    ------
    InputError
        If it has no known layout.
    """
    for layout, reader in _READERS.items():
        if _class_folders(root, reader.is_class):
            return layout
    raise InputError(
        f"{root}: in no layout that is known; folders of classes with train and test expected.",
        hint="Give the scans of one part with --train DIR and --test DIR.",
    )


@dataclass(frozen=True)
class _Reader:
    """Detection and reader of a layout; ``shape`` describes the folder of a class."""

    shape: str
    is_class: Callable[[Path], bool]
    read: Callable[[str, Path], Iterable[Sample]]


def _class_folders(root: Path, is_class: Callable[[Path], bool]) -> list[Path]:
    """Return the folders of classes: the root itself, or those on the first level that has any."""
    level = [root]
    for _ in range(_DEPTH):
        if found := [folder for folder in level if is_class(folder)]:
            return found
        level = [child for folder in level for child in _folders(folder)]
    return []


def _require_usable(home: Path, samples: Sequence[Sample]) -> None:
    if not any(sample.split == "train" for sample in samples):
        raise InputError(f"{home}: no scans to train on; one or more in train expected.", hint="Is it complete?")
    _require_own_names(samples)


def _require_own_names(samples: Sequence[Sample]) -> None:
    seen: dict[tuple[Split, str], Path] = {}
    for sample in samples:
        other = seen.setdefault((sample.split, sample.name), sample.path)
        if other != sample.path:
            raise InputError(
                f"{sample.path}: the same name as {other.name}; names that differ in more than their suffix expected.",
                hint="Remove or rename one.",
            )


def _is_real3d(folder: Path) -> bool:
    return _has_flat_scans(folder, "train", ".pcd") and "gt" in _names(folder)


def _is_shapenet(folder: Path) -> bool:
    return _has_flat_scans(folder, "train", ".pcd") and "GT" in _names(folder)


def _is_mulsen(folder: Path) -> bool:
    return _has_flat_scans(folder / "Pointcloud", "train", ".stl")


def _is_minishift(folder: Path) -> bool:
    levels = [level for kind in _folders(folder / "test") for level in _folders(kind)]
    return _has_flat_scans(folder / "train", "good", ".txt") and any(level.name != "xyz" for level in levels)


def _is_mvtec(folder: Path) -> bool:
    return (folder / "train" / "good" / "xyz").is_dir()


def _is_folder(folder: Path) -> bool:
    return (folder / "train").is_dir() and next(_scans(folder / "train"), None) is not None


def _read_real3d(name: str, folder: Path, layout: Layout = "real3d") -> Iterator[Sample]:
    train = [path for path in _scans(folder / "train") if re.search("template|prototype", path.stem)]
    # In some copies of the data set prototypes have other names.
    for path in train or _scans(folder / "train"):
        yield _sample(name, path, folder / "train", "train", False, layout)
    for path in _scans(folder / "test"):
        if "temp" in path.stem:
            continue
        is_good = "good" in path.stem or (layout == "shapenet" and "positive" in path.stem)
        truth = None if is_good else _truth(folder, Path(path.name))
        yield _sample(name, path, folder / "test", "test", not is_good, layout, truth)


def _read_mulsen(name: str, folder: Path) -> Iterator[Sample]:
    home = folder / "Pointcloud"
    for path in _scans(home / "train"):
        yield _sample(name, path, home / "train", "train", False, "mulsen")
    for kind in _folders(home / "test"):
        paths = sorted(_scans(kind), key=lambda path: _natural(path.stem))
        labels = [False] * len(paths) if kind.name == "good" else _mulsen_labels(folder, kind.name, paths)
        for path, is_defective in zip(paths, labels, strict=True):
            truth = _truth(home, path.relative_to(home / "test")) if is_defective else None
            yield _sample(name, path, home / "test", "test", is_defective, "mulsen", truth, kind.name)


def _mulsen_labels(folder: Path, kind: str, paths: Sequence[Path]) -> list[bool]:
    """Return whether the points of each scan are defective, by the table of labels.

    A defect may be visible in a picture but not in the points. The last column of the table is the label of the point
    cloud, the first one the object, by number or file name.
    """
    table = folder / "RGB" / "GT" / kind / "data.csv"
    if not table.is_file():
        return [_truth(folder / "Pointcloud", Path(kind) / path.name) is not None for path in paths]
    rows = [list(row.values()) for row in read_csv_table(table, ())]
    by_object = {Path(row[0]).stem: row[-1] for row in rows}
    if all(path.stem in by_object for path in paths):
        cells = [by_object[path.stem] for path in paths]
    elif len(rows) == len(paths):
        cells = [row[-1] for row in rows]
    else:
        raise InputError(
            f"{table}: {len(rows)} rows; {len(paths)}, one a scan of test/{kind}, expected.", hint="Is it complete?"
        )
    return [cell.strip() not in {"0", "0.0"} for cell in cells]


def _read_minishift(name: str, folder: Path) -> Iterator[Sample]:
    for path in _scans(folder / "train" / "good"):
        yield _sample(name, path, folder / "train" / "good", "train", False, "minishift")
    for path in _scans(folder / "test"):
        inside = path.relative_to(folder / "test")
        is_good = inside.parts[0] == "good"
        truth = None if is_good else _truth(folder, inside)
        yield _sample(name, path, folder / "test", "test", not is_good, "minishift", truth, inside.parts[0])


def _read_mvtec(name: str, folder: Path) -> Iterator[Sample]:
    splits: tuple[Split, ...] = ("train", "validation", "test")
    for split in splits:
        for kind in _folders(folder / split):
            for path in sorted((kind / "xyz").glob("*.tiff")):
                mask = kind / "gt" / f"{path.stem}.png"
                is_good = kind.name == "good"
                truth = mask if mask.is_file() and not is_good else None
                kind_name = None if is_good else kind.name
                yield Sample(name, f"{kind.name}/{path.stem}", path, split, not is_good, kind_name, truth, "mvtec")


def _read_folder(name: str, folder: Path) -> Iterator[Sample]:
    for path in _scans(folder / "train"):
        yield _plain(name, path, folder / "train", "train", None)
    truth = next((folder / word for word in _TRUTH_FOLDERS if (folder / word).is_dir()), None)
    for path in _scans(folder / "test"):
        yield _plain(name, path, folder / "test", "test", truth)


def _plain(name: str, path: Path, home: Path, split: Split, truth_folder: Path | None) -> Sample:
    inside = path.relative_to(home)
    truth = None if truth_folder is None else _with_any_suffix(truth_folder / inside)
    words = {word.lower() for part in inside.with_suffix("").parts for word in re.split(r"[\W_\d]+", part)}
    is_defective: bool | None
    if split == "train" or words & _GOOD:
        is_defective, truth = False, None
    elif truth is None and len(inside.parts) > 1:
        is_defective = True
    else:
        is_defective = None
    kind = inside.parts[0] if len(inside.parts) > 1 else None
    return _sample(name, path, home, split, is_defective, "folder", truth, kind)


def _sample(
    class_name: str,
    path: Path,
    home: Path,
    split: Split,
    is_defective: bool | None,
    layout: Layout,
    truth: Path | None = None,
    kind: str | None = None,
) -> Sample:
    if is_defective is False:
        kind = None
    elif kind is None and layout != "folder":
        no_kinds = {"", *_NO_KINDS, *re.split(r"[\W_\d]+", class_name)}
        kind = next((word for word in re.split(r"[\W_\d]+", path.stem) if word not in no_kinds), None)
    inside = path.relative_to(home).with_suffix("").as_posix()
    return Sample(class_name, inside, path, split, is_defective, kind, truth, layout)


def _truth(folder: Path, inside: Path) -> Path | None:
    for word in _TRUTH_FOLDERS:
        if found := _with_any_suffix(folder / word / inside):
            return found
    return None


def _with_any_suffix(path: Path) -> Path | None:
    """Return the file of this name with any suffix of ground truth; None if there is none."""
    for suffix in (".txt", ".csv", ".npy", ".asc", ".xyz", ".ply", ".pcd"):
        candidate = path.with_suffix(suffix)
        if candidate.is_file():
            return candidate
    return None


def _scans(folder: Path) -> Iterator[Path]:
    """Yield the files of points in a folder and its subfolders in order, or the given file."""
    if folder.is_file():
        yield folder
    elif folder.is_dir():
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in POINT_SUFFIXES and not path.name.startswith(".") and path.is_file():
                yield path


def _folders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []


def _names(folder: Path) -> set[str]:
    # Names are listed because some file systems do not distinguish GT from gt.
    return {path.name for path in _folders(folder)}


def _has_flat_scans(folder: Path, inside: str, suffix: str) -> bool:
    home = folder / inside
    return home.is_dir() and any(path.suffix.lower() == suffix for path in home.iterdir())


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    """Return a sort key that orders names by the numbers in them."""
    return tuple((int(word), "") if word.isdigit() else (0, word) for word in re.split(r"(\d+)", name))


_READERS: Mapping[Layout, _Reader] = {
    "mulsen": _Reader("CLASS/Pointcloud/{train,test/DEFECT,GT} with STL files", _is_mulsen, _read_mulsen),
    "mvtec": _Reader("CLASS/{train,test}/DEFECT/{xyz,gt}", _is_mvtec, _read_mvtec),
    "minishift": _Reader("CLASS/train/good and CLASS/test/DEFECT/LEVEL with TXT files", _is_minishift, _read_minishift),
    "shapenet": _Reader(
        "CLASS/{train,test,GT} with PCD files",
        _is_shapenet,
        lambda name, folder: _read_real3d(name, folder, "shapenet"),
    ),
    "real3d": _Reader("CLASS/{train,test,gt} with PCD files", _is_real3d, _read_real3d),
    "folder": _Reader("CLASS/{train,test} with scans", _is_folder, _read_folder),
}
