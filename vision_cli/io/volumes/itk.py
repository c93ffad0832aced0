"""MetaImage, NRRD and DICOM, through SimpleITK.

ITK orders axes as (k, j, i) in arrays and counts in LPS mm; here both become the order and the RAS mm of
NIfTI. The slices of a DICOM folder must make one volume: ITK spreads them evenly, wherever they lie.
"""

from __future__ import annotations

import mmap
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.core.runs.files import library_path
from vision_cli.core.runs.input_files import data_files
from vision_cli.io.limits import most_unpacked, require_memory
from vision_cli.io.reading import reading
from vision_cli.io.volumes.raw import Matrix, RawImage, pick_volume, ras_from_lps
from vision_cli.io.volumes.slices import one_slice

_READERS = {".mha": "MetaImageIO", ".mhd": "MetaImageIO", ".nrrd": "NrrdImageIO", ".nhdr": "NrrdImageIO"}
_SAME_PLACE_MM = 1e-3
_UNEVEN_MM = 0.01
_MISSING_SLICE = 1.5
_NAMED_FILES = 3
_HEADER_BYTES = 1 << 16
_DEFLATED = re.compile(rb"\x02\x00\x10\x00.{4}1\.2\.840\.10008\.1\.2\.1\.99", re.DOTALL)
"""The element of a DICOM header that names the transfer syntax, with the deflated one."""

_DATA_FILE = re.compile(rb"^(?:ElementDataFile\s*=|data ?file:)([^\r\n\0]*)", re.MULTILINE | re.IGNORECASE)


def read_itk(path: Path, volume: int | None) -> RawImage:
    """Read a file that ITK knows.

    Raises
    ------
    InputError
        If the file is damaged or holds colours, complex numbers or a series, or its header names data elsewhere.
    """
    if path.suffix.lower() == ".dcm" or is_dicom(path):
        require_plain_dicom(path)
    with reading(path):
        data_files(path)
    with _whole(path):
        reader = _header(path)
    _require_numbers(path, reader)
    size = [int(n) for n in reader.GetSize()]
    picked, notes = pick_volume(path, size, volume)
    require_memory(path, size, _itemsize(reader.GetPixelID()), most=_most_held(path))
    with _whole(path):
        image = reader.Execute()
    return _from_itk(image if picked is None else image[:, :, :, picked], notes)


def is_dicom(path: Path) -> bool:
    """Return whether a file is DICOM by the mark in its preamble, whatever its name."""
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def read_dicom_folder(path: Path) -> RawImage:
    """Read the one DICOM series of a folder.

    Raises
    ------
    InputError
        If there is no series, or more than one, or its slices do not make one volume.
    """
    import SimpleITK as sitk

    folder = library_path(path)
    for file in sorted(path.iterdir()):
        library_path(file)
        if file.is_file():
            require_plain_dicom(file)
    with _silent():
        series = {
            uid: sitk.ImageSeriesReader.GetGDCMSeriesFileNames(folder, uid)
            for uid in sitk.ImageSeriesReader.GetGDCMSeriesIDs(folder)
        }
    if not series:
        raise InputError(
            f"{path}: a folder without DICOM images; an image file or a DICOM folder expected.",
            hint="Name the image file itself, or the folder that holds the slices.",
        )
    if len(series) > 1:
        with reading(path), _silent():
            listed = ", ".join(f"{_describe(names[0])} {uid}: {len(names)} files" for uid, names in series.items())
        raise InputError(
            f"{path}: {len(series)} DICOM series ({listed}); one expected.",
            hint="Move each series into a folder of its own.",
        )
    (names,) = series.values()
    with reading(path), _silent():
        first = _header(Path(names[0]))
        places = _slice_origins(names)
    _require_numbers(path, first)
    require_memory(path, [*first.GetSize()[:2], len(names)], _itemsize(first.GetPixelID()))
    notes = _note_unread_files(path, names)
    notes = (*notes, *_check_slice_origins(path, places, notes))
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(names)
    with reading(path), _silent():
        image = reader.Execute()
    return _from_itk(image, notes)


def write_itk(path: Path, data: NDArray[np.generic], vox2ras: Matrix) -> None:
    """Write ``(X, Y)`` or ``(X, Y, Z)`` values as MetaImage or NRRD, compressed."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(np.ascontiguousarray(data.T))
    lps = ras_from_lps(vox2ras)
    spacing = np.linalg.norm(lps[:-1, :-1], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((lps[:-1, :-1] / spacing).ravel().tolist())
    image.SetOrigin(lps[:-1, -1].tolist())
    sitk.WriteImage(image, str(path), useCompression=True)


def _from_itk(image: Any, notes: tuple[str, ...]) -> RawImage:
    import SimpleITK as sitk

    data = np.asarray(sitk.GetArrayFromImage(image).T)
    ndim = image.GetDimension()
    lps = np.eye(ndim + 1)
    lps[:ndim, :ndim] = np.reshape(image.GetDirection(), (ndim, ndim)) * np.asarray(image.GetSpacing())
    lps[:ndim, ndim] = image.GetOrigin()
    spatial = [*range(min(ndim, 3)), ndim]
    vox2ras = ras_from_lps(lps)[np.ix_(spatial, spatial)]
    if ndim == 2:
        return RawImage(data, vox2ras, data.dtype, notes)
    data, vox2ras, plane, slice_notes = one_slice(data, vox2ras)
    return RawImage(data, vox2ras, data.dtype, (*notes, *slice_notes), plane)


def _header(path: Path) -> Any:
    """Return a reader that has read the header of a file."""
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetFileName(library_path(path))
    # Left to itself ITK goes by the content, and would take, say, a NIfTI pair that calls itself .mha.
    reader.SetImageIO(_READERS.get(path.suffix.lower(), "GDCMImageIO"))
    reader.ReadImageInformation()
    return reader


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    with reading(path):
        try:
            yield
        except RuntimeError as error:
            # MetaImage gives the system's last error as its reason, whatever that was.
            if "\nReason: " in str(error):
                raise RuntimeError("its voxels are missing or too few") from error
            raise


@contextmanager
def _silent() -> Iterator[None]:
    """Keep ITK from printing warnings to the terminal; what matters of them is noted or refused here."""
    import SimpleITK as sitk

    warned = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(warned)


def _require_numbers(path: Path, reader: Any) -> None:
    import SimpleITK as sitk

    if reader.GetPixelID() in {sitk.sitkComplexFloat32, sitk.sitkComplexFloat64}:
        raise InputError(
            f"{path}: complex voxels; real numbers expected.",
            hint="Write the magnitude to a file of its own.",
        )
    if reader.GetNumberOfComponents() > 1:
        raise InputError(
            f"{path}: {reader.GetNumberOfComponents()} numbers a voxel (colour or vectors); one expected.",
            hint="Split the channels into files.",
        )


def _itemsize(pixel_id: int) -> int:
    import SimpleITK as sitk

    kinds = {
        1: {sitk.sitkInt8, sitk.sitkUInt8},
        2: {sitk.sitkInt16, sitk.sitkUInt16},
        8: {sitk.sitkFloat64, sitk.sitkInt64, sitk.sitkUInt64},
    }
    return next((size for size, ids in kinds.items() if pixel_id in ids), 4)


def _most_held(path: Path) -> float:
    """Return the bytes that the voxels can have at most: those of the file, or of the one that its header names."""
    with path.open("rb") as stream:
        header = stream.read(_HEADER_BYTES)
    named = _DATA_FILE.search(header)
    if named is None or named.group(1).strip() == b"LOCAL":
        return most_unpacked(path)
    # Where there are several, or none, nothing is known.
    return most_unpacked(path.parent / os.fsdecode(named.group(1).strip()))


def require_plain_dicom(path: Path) -> None:
    """Refuse DICOM that is packed as a whole: GDCM takes memory for any length that an element in it claims.

    Raises
    ------
    InputError
        If it is.
    """
    if path.stat().st_size == 0:
        return
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        is_packed = _DEFLATED.search(content) is not None
    if is_packed:
        raise InputError(
            f"{path}: DICOM in the deflated transfer syntax; another one expected.",
            hint="Unpack it, as with `dcmconv +te` of DCMTK.",
        )


def _describe(name: str) -> str:
    tag = "0008|103e"
    reader = _header(Path(name))
    return reader.GetMetaData(tag).strip() if reader.HasMetaDataKey(tag) else "unnamed"


def _slice_origins(names: tuple[str, ...]) -> NDArray[np.float64]:
    """Return the origins of slices in the order of ``names``, ``(N, 3)``, in mm."""
    return np.asarray([_header(Path(name)).GetOrigin() for name in names], dtype=np.float64)


def _check_slice_origins(path: Path, places: NDArray[np.float64], left_out: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse slices that are no volume, which ITK would spread evenly, and note slight unevenness."""
    if len(places) < 2:
        return ()
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    if steps.min() < _SAME_PLACE_MM:
        count = 1 + int(np.count_nonzero(steps >= _SAME_PLACE_MM))
        raise InputError(
            f"{path}: {len(places)} slices at {count} places; one slice a place expected.",
            hint="Move each time point or echo into a folder of its own.",
        )
    if steps.max() > _MISSING_SLICE * steps.min():
        raise InputError(
            f"{path}: slices lie {steps.min():.2f} to {steps.max():.2f} mm apart; even steps expected.",
            hint=" ".join(("Add the missing slices, or resample the series to even steps.", *left_out)),
        )
    if np.ptp(steps) < _UNEVEN_MM:
        return ()
    return (f"slices lie {steps.min():.2f} to {steps.max():.2f} mm apart; they were taken as evenly spaced",)


def _note_unread_files(path: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    """Note the DICOM files of a folder that are in no series: cut short, or reports and the like."""
    read = {Path(name).name for name in names}
    others = sorted(
        file.name
        for file in path.iterdir()
        if file.is_file() and file.name not in read and file.name != "DICOMDIR" and is_dicom(file)
    )
    if not others:
        return ()
    named = ", ".join(others[:_NAMED_FILES]) + (" ..." if len(others) > _NAMED_FILES else "")
    return (f"DICOM files that are cut short or hold no image were left out: {len(others)} ({named}).",)
