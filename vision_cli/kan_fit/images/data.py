"""Readers of labelled images: class folders, IDX, NPZ, CIFAR, tables of paths, scikit-learn's digits.

Pixels are bytes ``(N, H, W, C)`` with one or three channels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.io.limits import require_memory
from vision_cli.io.pictures.headers import is_cut_short, require_picture_room
from vision_cli.io.pictures.photographs import to_8_bit
from vision_cli.io.tables.tables import read_csv_table
from vision_cli.kan_fit.images import formats as image_formats
from vision_cli.kan_fit.images.formats import Pixels, StoredImages
from vision_cli.kan_fit.names import ImageLayout

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
_TRAIN_FOLDERS, _TEST_FOLDERS = ("train", "training"), ("test", "testing", "val", "valid", "validation")
_PATH_COLUMNS, _LABEL_COLUMN, _PART_COLUMN = ("image", "path", "file", "filename"), "label", "split"
_NPZ_IMAGES, _NPZ_LABELS = ("x", "X", "images", "data"), ("y", "labels", "targets")
_CIFAR_FILES = ("data_batch_1", "data_batch_1.bin", "train", "train.bin")


@dataclass(frozen=True)
class Images:
    """Images and their classes.

    Attributes
    ----------
    pixels
        ``(N, H, W, C)``.
    labels
        Class number of each image, ``(N,)``; -1 where it is unknown.
    names
        Path of each image, or its number from 1.
    """

    pixels: Pixels
    labels: NDArray[np.int64]
    names: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.labels)

    def subset(self, rows: NDArray[np.int64]) -> Images:
        """Return the images of some rows."""
        return Images(self.pixels[rows], self.labels[rows], tuple(self.names[row] for row in rows))


@dataclass(frozen=True)
class ImageSet:
    """A data set of labelled images.

    Attributes
    ----------
    train
        Training images; all images of a data set without a test part.
    test
        Test images; None where the data set has no test part.
    classes
        Names of the classes.
    notes
        Warnings of the reader, such as files that were left out.
    """

    train: Images
    test: Images | None
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass
class _Part:
    """Undecoded images of the training or the test part of a data set, as arrays or paths, with labels as stored."""

    stored: list[StoredImages] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)


def read_digits() -> ImageSet:
    """Return scikit-learn's digits: 1797 images of 8 x 8 pixels in ten classes."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)[..., None]
    names = tuple(str(number) for number in range(1, len(pixels) + 1))
    return ImageSet(Images(pixels, digits.target.astype(np.int64), names), None, tuple(map(str, digits.target_names)))


def read_image_set(path: Path, layout: ImageLayout = "auto", resize: tuple[int, int] | None = None) -> ImageSet:
    """Read labelled images.

    Parameters
    ----------
    path
        A folder or a file.
    layout
        Layout of the data set; ``auto`` detects it from the names of files.
    resize
        Height and width to resize images to; None requires that all have the same size.

    Raises
    ------
    InputError
        If the data set is missing, damaged or unusable.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or folder.", hint="Check the path.")
    layout = _detect_layout(path) if layout == "auto" else layout
    names: tuple[str, ...] | None = None
    if layout == "folders":
        train, test = _folders(path)
    elif layout == "csv":
        train, test = _table(path)
    elif layout == "idx":
        train, test = _idx(path)
    elif layout == "npz":
        train, test = _npz(path)
    else:
        train, test, names = _cifar(path, is_binary=layout == "cifar-binary")
    return _build_image_set(path, train, test, names, resize)


def read_images(
    path: Path,
    classes: Sequence[str],
    shape: tuple[int, int, int],
    layout: ImageLayout = "auto",
    *,
    resize: bool = False,
) -> tuple[Images, tuple[str, ...]]:
    """Read images to predict; return them, with their classes where the data have them, and warnings.

    Parameters
    ----------
    path
        An image, a folder of images (in class folders or not), or a labelled data set, whose test part is taken if it
        has one.
    classes
        Names of the model's classes.
    shape
        Height, width and channels that the images must have.
    layout
        As of `read_image_set`.
    resize
        Whether to resize images to the height and width.

    Raises
    ------
    InputError
        If they cannot be read, or have another size or number of channels.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or folder.", hint="Check the path.")
    files = [path] if path.suffix.lower() in SUFFIXES else _image_files(path) if path.is_dir() else []
    if layout == "auto" and files and not any(folder.is_dir() and folder.name in classes for folder in path.rglob("*")):
        found = _Part(paths=files, labels=[""] * len(files))
        read, notes = _decode(found, shape[:2] if resize else None)
        images = Images(read.pixels, np.full(len(read.labels), -1), tuple(str(name) for name in read.names))
    else:
        whole = read_image_set(path, layout, shape[:2] if resize else None)
        images, notes = whole.train if whole.test is None else whole.test, whole.notes
        numbers = np.array([classes.index(name) if name in classes else -1 for name in whole.classes])
        images = replace(images, labels=numbers[images.labels])
    pixels = _with_channels(images.pixels, shape[2])
    if pixels.shape[1:] != shape:
        height, width, channels = pixels.shape[1:]
        raise InputError(
            f"{path}: images of {width} x {height} pixels, {channels} channels found; {shape[1]} x {shape[0]}, "
            f"{shape[2]}, as the model was trained with, expected.",
            hint="Give --resize.",
        )
    return replace(images, pixels=pixels), notes


def _detect_layout(path: Path) -> ImageLayout:
    if path.is_file():
        name = path.name.lower().removesuffix(".gz")
        if "idx" in name and name.endswith("ubyte"):
            return "idx"
        layouts: dict[str, ImageLayout] = {".npz": "npz", ".csv": "csv", ".tsv": "csv", ".bin": "cifar-binary"}
        if (layout := layouts.get(Path(name).suffix)) is not None:
            return layout
        raise InputError(
            f"{path}: format not recognised; one of {', '.join(get_args(ImageLayout)[1:])} expected.",
            hint="Give it with --layout.",
        )
    if next(path.glob("*images*idx?*ubyte*"), None) is not None:
        return "idx"
    for name in _CIFAR_FILES:
        if (path / name).is_file():
            return "cifar-binary" if name.endswith(".bin") else "cifar"
    return "folders"


def _folders(root: Path) -> tuple[_Part, _Part | None]:
    if not root.is_dir():
        raise InputError(
            f"{root}: a file found; a folder with a folder for each class expected.", hint="Give --layout."
        )
    train = next((root / name for name in _TRAIN_FOLDERS if (root / name).is_dir()), None)
    if train is None:
        return _class_folders(root), None
    test = next((root / name for name in _TEST_FOLDERS if (root / name).is_dir()), None)
    return _class_folders(train), None if test is None else _class_folders(test)


def _class_folders(root: Path) -> _Part:
    found = _Part()
    folders = sorted(folder for folder in root.iterdir() if folder.is_dir() and not folder.name.startswith("."))
    if not folders:
        raise InputError(f"{root}: no folders found; one for each class expected.", hint="Sort the images by class.")
    for folder in folders:
        paths = _image_files(folder)
        if not paths:
            raise InputError(f"{folder}: no image found; one or more expected.", hint="Remove the folder or fill it.")
        found.paths += paths
        found.labels += [folder.name] * len(paths)
    return found


def _image_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())


def _table(path: Path) -> tuple[_Part, _Part | None]:
    rows = read_csv_table(path, (_LABEL_COLUMN,))
    column = next((name for name in _PATH_COLUMNS if name in rows[0]), None)
    if column is None:
        raise InputError(f"{path}: columns {', '.join(rows[0])} found; a column {_PATH_COLUMNS[0]} expected.")
    train, test = _Part(), _Part()
    for row in rows:
        part = test if row.get(_PART_COLUMN, "").lower() in _TEST_FOLDERS else train
        part.paths.append(path.parent / row[column])
        part.labels.append(row[_LABEL_COLUMN])
    if missing := [file for file in (*train.paths, *test.paths) if not file.is_file()]:
        raise InputError(
            f"{path}: {len(missing)} files not found, first {missing[0]}.", hint="Paths are relative to the table."
        )
    return train, test if test.paths else None


def _idx(path: Path) -> tuple[_Part, _Part | None]:
    if path.is_file():
        return _Part([_labelled(path, image_formats.read_idx_pair(path))]), None
    found = sorted(path.glob("*images*idx?*ubyte*"))
    if not found:
        raise InputError(f"{path}: no IDX images found; files such as train-images-idx3-ubyte expected.")
    tests = [file for file in found if file.name.startswith(("t10k", "test"))]
    trains = [file for file in found if file not in tests] or tests
    parts = [_Part([_labelled(f, image_formats.read_idx_pair(f)) for f in files]) for files in (trains, tests)]
    return parts[0], parts[1] if tests and trains is not tests else None


def _labelled(path: Path, stored: StoredImages) -> StoredImages:
    if stored.labels is None:
        raise InputError(f"{path}: no labels file found beside the images; one such as labels-idx1-ubyte expected.")
    return stored


def _npz(path: Path) -> tuple[_Part, _Part | None]:
    arrays = image_formats.read_npz_images(path)

    def part(suffix: str) -> _Part | None:
        images = next((name + suffix for name in _NPZ_IMAGES if name + suffix in arrays), None)
        if images is None:
            return None
        labels = next((name + suffix for name in _NPZ_LABELS if name + suffix in arrays), None)
        pixels = image_formats.as_pixels(path, images, arrays[images])
        if labels is None:
            raise InputError(f"{path}: no labels of {images} found; {_NPZ_LABELS[0]}{suffix} expected.")
        numbers = arrays[labels].reshape(-1)
        if len(numbers) != len(pixels) or numbers.dtype.kind not in "biu":
            raise InputError(
                f"{path}: {labels} holds {len(numbers)} values of type {numbers.dtype}; "
                f"{len(pixels)} integers expected."
            )
        return _Part([StoredImages(pixels, numbers.astype(np.int64))])

    train, test = part("_train") or part(""), part("_test")
    if train is None:
        raise InputError(f"{path}: arrays {', '.join(arrays)} found; x_train and y_train, or x and y, expected.")
    return train, test


def _cifar(path: Path, *, is_binary: bool) -> tuple[_Part, _Part | None, tuple[str, ...] | None]:
    folder = path if path.is_dir() else path.parent
    end = ".bin" if is_binary else ""
    is_hundred = (folder / f"train{end}").is_file()

    def read(file: Path) -> StoredImages:
        return (
            image_formats.read_cifar_binary(file, 2 if is_hundred else 1)
            if is_binary
            else image_formats.read_cifar_pickle(file)
        )

    metas = ("batches.meta.txt", "fine_label_names.txt") if is_binary else ("batches.meta", "meta")
    meta = next((folder / name for name in metas if (folder / name).is_file()), None)
    names = None if meta is None else image_formats.read_cifar_names(meta)
    if path.is_file():
        return _Part([read(path)]), None, names
    batches = [folder / f"train{end}"] if is_hundred else sorted(folder.glob(f"data_batch_[0-9]{end}"))
    tests = [file for file in (folder / f"test{end}", folder / f"test_batch{end}") if file.is_file()]
    if not batches:
        raise InputError(f"{path}: neither data_batch_1{end} nor train{end} found; a batch of CIFAR expected.")
    return _Part([read(b) for b in batches]), _Part([read(b) for b in tests]) if tests else None, names


@dataclass(frozen=True)
class _DecodedPart:
    pixels: Pixels
    labels: tuple[str, ...]
    names: tuple[str, ...]


def _build_image_set(
    path: Path, train: _Part, test: _Part | None, names: tuple[str, ...] | None, resize: tuple[int, int] | None
) -> ImageSet:
    """Decode both parts, number the classes and give all images the same number of channels; return the data set."""
    read, notes = _decode(train, resize)
    other, more = (None, ()) if test is None else _decode(test, resize)
    counts = Counter(read.labels)
    classes = sorted(counts, key=lambda label: (not label.isdigit(), int(label) if label.isdigit() else 0, label))
    if len(classes) < 2:
        raise InputError(f"{path}: one class, {classes[0]}, found; two or more expected.")
    if rare := [label for label in classes if counts[label] < 3]:
        raise InputError(f"{path}: {counts[rare[0]]} images of class {rare[0]} found; three or more of each expected.")
    if other is not None and (unknown := sorted(set(other.labels) - set(classes))):
        raise InputError(
            f"{path}: class {unknown[0]} found in the test part only; classes of the training part expected."
        )
    channels = max(read.pixels.shape[-1], 1 if other is None else other.pixels.shape[-1])
    numbers = {label: number for number, label in enumerate(classes)}

    def images(part: _DecodedPart) -> Images:
        labels = np.array([numbers[label] for label in part.labels], dtype=np.int64)
        return Images(_with_channels(part.pixels, channels), labels, part.names)

    parts = images(read), None if other is None else images(other)
    if parts[1] is not None and parts[1].pixels.shape[1:] != parts[0].pixels.shape[1:]:
        raise InputError(
            f"{path}: training images of {_size(parts[0].pixels)} and test images of {_size(parts[1].pixels)} pixels "
            "found; one size expected.",
            hint="Give a size with --resize.",
        )
    shown = tuple(names[int(c)] if names is not None and c.isdigit() and int(c) < len(names) else c for c in classes)
    return ImageSet(parts[0], parts[1], shown, (*notes, *more))


def _decode(found: _Part, resize: tuple[int, int] | None) -> tuple[_DecodedPart, tuple[str, ...]]:
    if found.paths:
        return _decode_files(found, resize)
    pixels = np.concatenate([stored.pixels for stored in found.stored])
    if resize is not None and pixels.shape[1:3] != resize:
        pixels = np.stack([_resized(image, resize) for image in pixels])
    labels = tuple(str(n) for stored in found.stored if stored.labels is not None for n in stored.labels.tolist())
    return _DecodedPart(pixels, labels, tuple(str(number) for number in range(1, len(pixels) + 1))), ()


def _decode_files(found: _Part, resize: tuple[int, int] | None) -> tuple[_DecodedPart, tuple[str, ...]]:
    import cv2

    images: list[Pixels] = []
    labels: list[str] = []
    names: list[str] = []
    broken: list[Path] = []
    for path, label in zip(found.paths, found.labels, strict=True):
        content = path.read_bytes()
        image = None
        with suppress(ValueError):
            require_picture_room(path, content)
            if not is_cut_short(content):
                image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
        if image is None:
            broken.append(path)
            continue
        images.append(_eight_bits(image) if resize is None else _resized(_eight_bits(image), resize))
        labels.append(label)
        names.append(str(path))
        if len(images) == 1:
            require_memory(path, (len(found.paths), *images[0].shape), 1)
    if gone := set(found.labels) - set(labels):
        raise InputError(
            f"{broken[0].parent}: no readable image of class {sorted(gone)[0] or 'any'} found; one or more expected."
        )
    sizes = Counter(image.shape[:2] for image in images)
    if len(sizes) > 1:
        listed = ", ".join(f"{width} x {height}" for (height, width), _ in sizes.most_common(3))
        raise InputError(
            f"{found.paths[0].parent}: images of {len(sizes)} sizes ({listed} ...) found; one size expected.",
            hint="Give a size with --resize.",
        )
    channels = max(image.shape[-1] for image in images)
    pixels = np.stack([_with_channels(image, channels) for image in images])
    notes = (f"{len(broken)} damaged image files were left out, first {broken[0]}",) if broken else ()
    return _DecodedPart(pixels, tuple(labels), tuple(names)), notes


def _eight_bits(image: NDArray[np.generic]) -> Pixels:
    """Return a decoded image as bytes, grey or RGB; three equal channels become one."""
    numbers = np.asarray(image)
    if numbers.dtype == np.uint16:
        numbers = to_8_bit(numbers)
    elif numbers.dtype.kind == "f":
        numbers = np.clip(np.rint(numbers * (255 if numbers.max() <= 1 else 1)), 0, 255)
    numbers = numbers.astype(np.uint8)
    if numbers.ndim == 2:
        return numbers[..., None]
    colours = numbers[..., :3][..., ::-1]
    return np.ascontiguousarray(colours[..., :1] if np.all(colours == colours[..., :1]) else colours)


def _resized(image: Pixels, size: tuple[int, int]) -> Pixels:
    import cv2

    if image.shape[:2] == size:
        return image
    shrinks = image.shape[0] > size[0] or image.shape[1] > size[1]
    made = cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(made, dtype=np.uint8).reshape(*size, image.shape[-1])


def _with_channels(pixels: Pixels, channels: int) -> Pixels:
    """Return images with so many channels: grey repeated for colour, the mean of the colours for grey."""
    if pixels.shape[-1] == channels:
        return pixels
    if channels == 1:
        grey: Pixels = np.rint(pixels.mean(axis=-1, keepdims=True)).astype(np.uint8)
        return grey
    repeated: Pixels = np.repeat(pixels, channels, axis=-1)
    return repeated


def _size(pixels: Pixels) -> str:
    return f"{pixels.shape[2]} x {pixels.shape[1]}"
