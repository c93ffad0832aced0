"""Chest films of DICOM and picture files as grey levels in which bone is bright.

Whether a film is inverted is told from its pixels where its tags contradict each other, or where it is asked for: lungs
hold air and are darker than the heart between them and the abdomen below.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.gaze_predict.values import Film, FilmSource, Floats
from vision_cli.io.pictures.folders import is_picture
from vision_cli.io.pictures.photographs import PHOTOGRAPH_SUFFIXES, photograph_size, read_photograph
from vision_cli.io.reading import reading
from vision_cli.io.volumes.itk import is_dicom
from vision_cli.io.volumes.radiographs import Window, grey_levels, read_radiograph, windowed

AUTO: Literal["auto"] = "auto"

FILM_SUFFIXES = PHOTOGRAPH_SUFFIXES | {".dcm", ".dicom"}
"""Endings of the files of films, in lower case."""

_LEAST_SIDE = 32
_LONGEST_ASPECT = 2.5
_COLOURED = 0.1
"""Mean difference of the channels, of 1, from which a picture is no film; tinted films have about 0.05."""

_LUNGS = ((0.25, 0.60, 0.20, 0.38), (0.25, 0.60, 0.62, 0.80))
_SOFT_TISSUE = ((0.30, 0.80, 0.44, 0.56), (0.86, 0.98, 0.20, 0.80))
"""Top, bottom, left and right of the middle of the lungs, and of mediastinum and abdomen."""


def read_film(
    path: Path, *, name: str | None = None, window: Literal["auto"] | Window = AUTO, auto_invert: bool = False
) -> Film:
    """Read a film.

    Parameters
    ----------
    path
        DICOM of one frame, PNG, JPEG or another picture.
    name
        Its name; by default that of the file without its ending.
    window
        Centre and width, in stored values of a picture or in rescaled ones of DICOM; ``auto`` takes the file's own.
    auto_invert
        Whether to invert a film whose lungs are brighter than heart and abdomen.

    Raises
    ------
    InputError
        If it is damaged, constant, smaller than 32 pixels, or of a kind that is no film.
    InputTooLarge
        If it would not fit into memory.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; a film expected.", hint="Check the path.")
    chosen = None if window == AUTO else window
    decide = auto_invert
    notes: tuple[str, ...]
    if _is_dicom(path):
        found = read_radiograph(path, window=chosen)
        pixels, notes = found.pixels, found.notes
        if found.is_contradictory and not auto_invert:
            notes = (*notes, "Its tags contradict each other on what is bright; its lungs decided.")
            decide = True
    else:
        pixels, notes = _picture(path, chosen)
    height, width = pixels.shape
    if min(height, width) < _LEAST_SIDE:
        raise InputError(f"{path}: {width} × {height} pixels; {_LEAST_SIDE} or more expected.", hint="Give a film.")
    if float(np.ptp(pixels)) == 0:
        raise InputError(f"{path}: all pixels are the same; a film expected.", hint="Give another file or --window.")
    if max(height, width) > _LONGEST_ASPECT * min(height, width):
        notes = (*notes, f"{width} × {height} pixels are an unusual shape for a chest film.")
    if looks_inverted(pixels):
        if decide:
            pixels = np.asarray(1 - pixels, dtype=np.float32)
            notes = (*notes, "It was inverted: its lungs were brighter than heart and abdomen.")
        else:
            notes = (*notes, "Its lungs are brighter than heart and abdomen; --auto-invert would invert it.")
    return Film(path.stem if name is None else name, pixels, notes)


def looks_inverted(pixels: Floats) -> bool:
    """Return whether lungs are brighter than mediastinum and abdomen, at their usual places in a frontal film.

    Of eight public films (NIH, TBX11K and others) soft tissue was 0.24 to 0.62 brighter than the lungs, of the range
    between the percentiles 1 and 99.
    """

    def brightness(boxes: tuple[tuple[float, ...], ...]) -> float:
        height, width = pixels.shape
        return float(
            np.mean(
                [
                    pixels[int(t * height) : int(b * height), int(x * width) : int(y * width)].mean()
                    for t, b, x, y in boxes
                ]
            )
        )

    return brightness(_LUNGS) > brightness(_SOFT_TISSUE)


def film_size(path: Path) -> tuple[int, int]:
    """Return width and height of a film in pixels, from its header alone.

    Raises
    ------
    InputError
        If it is damaged or no film.
    """
    if not _is_dicom(path):
        height, width = photograph_size(path)
        return width, height
    import pydicom

    with reading(path):
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["Rows", "Columns"])
        return int(header.Columns), int(header.Rows)


@dataclass(frozen=True)
class FilmFile:
    """A film of a file, read when it is asked for; the options are those of `read_film`."""

    path: Path
    name: str
    window: Literal["auto"] | Window = AUTO
    auto_invert: bool = False

    def read(self) -> Film:
        """Return the film."""
        return read_film(self.path, name=self.name, window=self.window, auto_invert=self.auto_invert)


def film_source(
    path: Path, *, name: str | None = None, window: Literal["auto"] | Window = AUTO, auto_invert: bool = False
) -> FilmSource:
    """Return a film that is read when it is asked for; the options are those of `read_film`."""
    return FilmFile(path, path.stem if name is None else name, window, auto_invert)


def is_film(path: Path) -> bool:
    """Return whether a file is a film by its ending or by the mark of DICOM."""
    return is_picture(path) or (path.is_file() and not path.name.startswith(".") and _is_dicom(path))


class FilmIndex:
    """The films below a folder, by the names of their files without ending.

    Parameters
    ----------
    root
        The folder; None for none.
    """

    def __init__(self, root: Path | None) -> None:
        self._root = root
        self._paths: dict[str, Path] | None = None
        self._sizes: dict[Path, tuple[int, int]] = {}

    def find(self, name: str) -> FilmFile | None:
        """Return the film of a name, whatever folders and ending a data set adds to it."""
        if self._paths is None:
            below = sorted(self._root.rglob("*")) if self._root is not None and self._root.is_dir() else []
            self._paths = {path.stem: path for path in below if path.suffix.lower() in FILM_SUFFIXES}
        stem = name.replace("\\", "/").rsplit("/", 1)[-1]
        found = self._paths.get(Path(stem).stem if Path(stem).suffix.lower() in FILM_SUFFIXES else stem)
        return None if found is None else FilmFile(found, found.stem)

    def size(self, film: FilmFile) -> tuple[int, int]:
        """Return width and height of a film in pixels."""
        if film.path not in self._sizes:
            self._sizes[film.path] = film_size(film.path)
        return self._sizes[film.path]


def _is_dicom(path: Path) -> bool:
    return path.suffix.lower() in {".dcm", ".dicom"} or (
        path.suffix.lower() not in PHOTOGRAPH_SUFFIXES and is_dicom(path)
    )


def _picture(path: Path, window: Window | None) -> tuple[Floats, tuple[str, ...]]:
    channels = read_photograph(path)
    limit = float(np.iinfo(channels.dtype).max)
    notes: tuple[str, ...] = ()
    if (channels[..., :1] == channels[..., 1:]).all():
        grey: NDArray[np.generic] = channels[..., 0]
    else:
        spread = float(np.ptp(channels, axis=2).mean()) / limit
        if spread > _COLOURED:
            notes = ("It has colours, as a photograph has; a chest film is grey.",)
        grey = channels.mean(axis=2, dtype=np.float32)
    if window is not None:
        return windowed(grey, window), notes
    if limit == np.iinfo(np.uint8).max:
        return np.asarray(grey.astype(np.float32) / limit, dtype=np.float32), notes
    shown, more = grey_levels(grey, 0, limit)
    return shown, (*notes, *more)
