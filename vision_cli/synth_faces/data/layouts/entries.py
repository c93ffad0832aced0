"""What all layouts share: collecting faces and what is left out, streaming tables, vectors of action units."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from vision_cli.core.errors import InputError
from vision_cli.io.pictures.folders import Request, child
from vision_cli.io.pictures.left_out import LeftOut
from vision_cli.synth_faces.data.sources import PictureFile
from vision_cli.synth_faces.plans.labels import COMPOUND, expression_of
from vision_cli.synth_faces.values import AUS, BILATERAL_AUS, MOST_INTENSE, FaceDataset, LabelledFace, Split

_SPLITS: dict[str, Split] = {"train": "train", "val": "val", "test": "test"}
_PLACES = {name: place for place, name in enumerate(AUS)}


class Entries(LeftOut):
    """Collects the faces of a data set and what is left out.

    Parameters
    ----------
    layout
        Name of the layout.
    request
        How the data set is read.
    """

    def __init__(self, layout: str, request: Request) -> None:
        super().__init__(request.findings)
        self.layout = layout
        self._faces: list[LabelledFace] = []

    def take(self, face: LabelledFace) -> None:
        """Add a face; one whose picture file is missing is left out."""
        source = face.source
        if isinstance(source, PictureFile) and not is_there(source.path):
            self.skip(face.name, f"no file {source.path.name}")
        else:
            self._faces.append(face)

    def labelled(self, face: LabelledFace, word: str) -> None:
        """Add a face with the expression that a word means; an unknown or compound one is left out."""
        expression = expression_of(word)
        if expression is None:
            is_compound = word.strip().lower() in COMPOUND
            self.skip(face.name, f"class {word!r} is none of the basic expressions", is_damage=not is_compound)
            return
        self.take(dataclasses.replace(face, expression=expression))

    def dataset(self) -> FaceDataset:
        """Return the data set, in the order of the names of its faces."""
        faces = tuple(sorted(self._faces, key=lambda face: face.name))
        return FaceDataset(self.layout, faces, tuple(self._skipped), self._findings.sentences())


class AuVector(Mapping[str, float]):
    """Intensities of all AUs by name, as small as a tuple.

    Parameters
    ----------
    values
        In the order of `AUS`.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Sequence[float]) -> None:
        if len(values) != len(AUS):
            raise ValueError(f"{len(values)} intensities; {len(AUS)} expected")
        self._values = tuple(values)

    def __getitem__(self, name: str) -> float:
        return self._values[_PLACES[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(AUS)

    def __len__(self) -> int:
        return len(AUS)


def coded(present: Mapping[str, float]) -> dict[str, float]:
    """Return the AUs of a face that is fully coded in FACS: those of both sides that are not named are 0."""
    return {**dict.fromkeys(BILATERAL_AUS, 0.0), **{name: value for name, value in present.items() if name in _PLACES}}


def occurrences(names: Sequence[str]) -> dict[str, float]:
    """Return AUs that are present, without intensity."""
    return dict.fromkeys(names, MOST_INTENSE)


def whole_number(text: str) -> int | None:
    """Return the whole number of a cell, also where it is written as 3.0; None if it is none."""
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        return None


def stream_rows(
    path: Path, required: Sequence[str], *, header: Sequence[str] | None = None
) -> Iterator[dict[str, str]]:
    """Read a table row by row, as some are larger than the memory; names and cells come without outer blanks.

    Cells that a row lacks are empty, and those that it has too many are left out.

    Parameters
    ----------
    path
        The file, cells apart by commas.
    required
        Columns that must be there.
    header
        Names of the columns where the file has none.

    Raises
    ------
    InputError
        If the file is missing, no text or no table, or lacks a column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            names = [cell.strip() for cell in (header or next(reader, []))]
            if missing := [name for name in required if name not in names]:
                raise InputError(
                    f"{path}: columns {', '.join(names[:12])}; {', '.join(missing)} expected too.",
                    hint="Add the columns.",
                )
            for cells in reader:
                if cells:
                    missing_cells = [""] * (len(names) - len(cells))
                    yield dict(zip(names, [*(cell.strip() for cell in cells), *missing_cells], strict=False))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: no table of text ({error}); one expected.", hint="Save it as CSV UTF-8.") from None


def first_row(path: Path) -> list[str]:
    """Return the cells of the first row of a table; none where it cannot be read."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return [cell.strip() for cell in next(csv.reader(stream), [])]
    except (OSError, UnicodeDecodeError, csv.Error):
        return []


def is_there(path: Path) -> bool:
    """Return whether there is a file of a name that stands in a data set, which may be too long for any file."""
    try:
        return path.is_file()
    except OSError:
        return False


def split_of(part: str) -> Split | None:
    """Return the split of the name of a part; None where it is none."""
    return _SPLITS.get(part)


def part_folders(root: Path) -> dict[str, Path]:
    """Return the folders of the parts of a data set by the name of the part, in whatever case."""
    words = {"train": ("train", "training"), "val": ("val", "valid", "validation"), "test": ("test", "testing")}
    found = {part: child(root, *names) for part, names in words.items()}
    return {part: folder for part, folder in found.items() if folder is not None and folder.is_dir()}
