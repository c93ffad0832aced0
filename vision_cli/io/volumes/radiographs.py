"""One radiograph of a DICOM file as it is meant to be seen, in grey levels from 0 to 1.

SimpleITK decodes the pixels, as for every other DICOM file; it knows JPEG, JPEG-LS, JPEG 2000 and RLE. pydicom reads
what SimpleITK does not hand out: sequences, and with them the VOI look-up table. Of the tags nothing is kept but the
remarks of `Radiograph`, so that nothing of a patient leaves this module.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.io.reading import reading
from vision_cli.io.volumes.itk import read_itk, require_plain_dicom

if TYPE_CHECKING:
    from pydicom import Dataset

Floats = NDArray[np.float32]

Window = tuple[float, float]
"""Centre and width, in the units of the values after rescaling."""

_LATERAL = {"LL", "RL", "LATERAL", "LLD", "RLD"}
_LEAST_USED = 0.5
"""Share of the range of the stored bits that values fill at least, unless their own range is taken."""

_PERCENTILES = (0.5, 99.5)
_DECODED = {
    "1.2.840.10008.1.2.5",
    *(f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 57, 70, 80, 81, 90, 91)),
}
"""Compressed transfer syntaxes that SimpleITK decodes."""


@dataclass(frozen=True)
class Radiograph:
    """A radiograph as its tags say that it is seen.

    Attributes
    ----------
    pixels
        ``(H, W)`` float32, 0 (black) to 1 (white).
    is_contradictory
        Whether the tags contradict each other on whether dense tissue is white.
    notes
        What was assumed or looks wrong, without anything of the patient.
    """

    pixels: Floats
    is_contradictory: bool
    notes: tuple[str, ...]


def read_radiograph(path: Path, *, window: Window | None = None) -> Radiograph:
    """Read a radiograph of one frame.

    The order is that of DICOM PS3.3, C.11: rescaling, the first VOI look-up table, else the first window, then
    MONOCHROME1 or the presentation look-up table INVERSE. Without a window, black and white are the ends of the stored
    bits, or the percentiles 0.5 and 99.5 where less than half of that range is used.

    Parameters
    ----------
    path
        The file.
    window
        Replaces what the file says.

    Raises
    ------
    InputError
        If it is damaged, has several frames or colours, or is compressed in a way that cannot be decoded.
    InputTooLarge
        If its pixels would not fit into memory.
    """
    with reading(path):
        header = _header(path)
        notes = _check(path, header)
        values = _values(path, header)
        sign = header.get("PixelIntensityRelationshipSign")
        slope = float(header.get("RescaleSlope", 1) or 1)
        # MONOCHROME1 and INVERSE say the same twice: for digital radiographs the standard wants both (C.8.11.6).
        is_inverse = _photometric(header) == "MONOCHROME1" or header.get("PresentationLUTShape") == "INVERSE"
        # +1: less intensity of X-rays, so more tissue, has lower values (C.8.11.3.1.2).
        is_contradictory = sign in {1, -1} and ((sign * slope > 0) != is_inverse)
        shown, more = _shown(values, header, window)
    return Radiograph(1 - shown if is_inverse else shown, is_contradictory, (*notes, *more))


def grey_levels(values: NDArray[np.generic], low: float, high: float) -> tuple[Floats, tuple[str, ...]]:
    """Return values as 0 to 1 between the ends of their type, or between their own where little of it is used.

    Parameters
    ----------
    values
        Of any shape.
    low, high
        The least and the greatest that could be stored.

    Returns
    -------
    tuple
        The grey levels, and a note where the range of the values was taken.
    """
    notes: tuple[str, ...] = ()
    given = values.astype(np.float32)
    if float(given.max()) - float(given.min()) < _LEAST_USED * (high - low):
        low, high = np.percentile(given, _PERCENTILES).tolist()
        notes = ("Less than half of the range of its bits is used: the percentiles 0.5 and 99.5 are black and white.",)
    scaled = (given - low) / max(high - low, 1e-6)
    return np.asarray(np.clip(scaled, 0, 1), dtype=np.float32), notes


def windowed(values: NDArray[np.generic], window: Window, function: str = "LINEAR") -> Floats:
    """Return values through a window as 0 to 1 (DICOM PS3.3, C.11.2.1.2 and C.11.2.1.3)."""
    centre, width = window
    given = values.astype(np.float32)
    if function == "SIGMOID":
        exponent = np.clip(-4 * (given - centre) / max(width, 1e-6), -80, 80)
        return np.asarray(1 / (1 + np.exp(exponent)), dtype=np.float32)
    if function == "LINEAR_EXACT":
        scaled = (given - centre) / max(width, 1e-6) + 0.5
    else:
        scaled = (given - centre + 0.5) / max(width - 1, 1e-6) + 0.5
    return np.asarray(np.clip(scaled, 0, 1), dtype=np.float32)


def _header(path: Path) -> Dataset:
    import pydicom

    require_plain_dicom(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path, stop_before_pixels=True)


def _check(path: Path, header: Dataset) -> tuple[str, ...]:
    syntax = getattr(header.file_meta, "TransferSyntaxUID", None)
    if syntax is not None and syntax.is_encapsulated and str(syntax) not in _DECODED:
        raise InputError(
            f"{path}: pixels compressed as {syntax.name}; JPEG, JPEG-LS, JPEG 2000, RLE or none expected.",
            hint="Unpack it, as with `gdcmconv --raw IN OUT` of GDCM or `dcmdjpeg` of DCMTK.",
        )
    frames = int(header.get("NumberOfFrames") or 1)
    if frames != 1:
        raise InputError(f"{path}: {frames} frames; a film of one expected.", hint="Export the frame as a file.")
    if _photometric(header) not in {"MONOCHROME1", "MONOCHROME2"}:
        raise InputError(
            f"{path}: colours ({_photometric(header) or 'no photometric interpretation'}); "
            "MONOCHROME1 or MONOCHROME2 expected.",
            hint="Give the radiograph itself, not a screen shot of it.",
        )
    if header.get("PixelRepresentation") and _photometric(header) == "MONOCHROME1":
        # GDCM inverts MONOCHROME1 by itself, and signed pixels wrongly or not at all.
        raise InputError(
            f"{path}: signed pixels of MONOCHROME1; unsigned ones expected.",
            hint="Convert it, as with `dcmconv` and `dcmodify` of DCMTK.",
        )
    view = str(header.get("ViewPosition", "")).upper()
    return ("It is a lateral view; frontal ones are expected.",) if view in _LATERAL else ()


def _photometric(header: Dataset) -> str:
    return str(header.get("PhotometricInterpretation", "")).strip()


def _values(path: Path, header: Dataset) -> NDArray[np.generic]:
    """Return the rescaled values, ``(H, W)``, as the file stores them, whether black or white is meant by a low one."""
    raw = read_itk(path, None).data
    if raw.ndim != 2:
        raise InputError(f"{path}: pixels {raw.shape}; one frame expected.", hint="Give a radiograph.")
    values = raw.T
    if _photometric(header) == "MONOCHROME1":
        # GDCM has inverted these among the stored bits already, before it rescaled them.
        low, high = _stored_range(header)
        values = np.asarray((low + high) - values.astype(np.float64))
    if header.get("ModalityLUTSequence"):
        return _looked_up(values, header.ModalityLUTSequence[0])
    return values


def _stored_range(header: Dataset) -> tuple[float, float]:
    """Return the ends of the stored bits after rescaling, the lower one first."""
    bits = int(header.BitsStored)
    low = -(1 << (bits - 1)) if header.get("PixelRepresentation") else 0
    slope, intercept = float(header.get("RescaleSlope", 1) or 1), float(header.get("RescaleIntercept", 0) or 0)
    ends = sorted(slope * end + intercept for end in (low, low + (1 << bits) - 1))
    return ends[0], ends[1]


def _shown(values: NDArray[np.generic], header: Dataset, window: Window | None) -> tuple[Floats, tuple[str, ...]]:
    if window is not None:
        return windowed(values, window), ()
    if header.get("VOILUTSequence"):
        item = header.VOILUTSequence[0]
        most = (1 << int(item.LUTDescriptor[2])) - 1
        return np.clip(_looked_up(values, item).astype(np.float32) / most, 0, 1), ()
    centres, widths = (np.atleast_1d(header.get(name, ())) for name in ("WindowCenter", "WindowWidth"))
    if centres.size and widths.size and centres[0] is not None and float(widths[0]) > 0:
        function = str(header.get("VOILUTFunction", "LINEAR"))
        return windowed(values, (float(centres[0]), float(widths[0])), function), ()
    if header.get("ModalityLUTSequence"):
        return grey_levels(values, 0, (1 << int(header.ModalityLUTSequence[0].LUTDescriptor[2])) - 1)
    return grey_levels(values, *_stored_range(header))


def _looked_up(values: NDArray[np.generic], item: Dataset) -> NDArray[np.generic]:
    """Look values up in a table; those beyond its ends get the entries there (DICOM PS3.3, C.11.1.1)."""
    count, first = int(item.LUTDescriptor[0]) or 1 << 16, int(item.LUTDescriptor[1])
    data = item.LUTData
    if isinstance(data, bytes):
        table = np.frombuffer(data, np.uint8 if len(data) == count else "<u2")
    else:
        table = np.atleast_1d(np.asarray(data, dtype=np.int64))
    places = np.clip(np.rint(values.astype(np.float64)) - first, 0, len(table) - 1).astype(np.int64)
    return np.asarray(table[places])
