"""MetaImage, NRRD and DICOM, through SimpleITK.

ITK orders axes as (k, j, i) in arrays and counts in LPS mm; here both become the order and the RAS mm
of NIfTI.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.io.nifti import damaged
from vision_cli.io.raw import Matrix, RawImage, pick_volume, ras_from_lps, require_memory

_UNEVEN_MM = 0.01


def read_itk(path: Path, volume: int | None) -> RawImage:
    """Read a file that ITK knows.

    Raises
    ------
    InputError
        If the file is damaged or holds colours, complex numbers or a series.
    """
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise damaged(path, error) from error
    _require_numbers(path, reader)
    size = [int(n) for n in reader.GetSize()]
    picked, notes = pick_volume(path, size, volume)
    require_memory(path, size, _itemsize(reader.GetPixelID()))
    try:
        image = reader.Execute()
    except RuntimeError as error:
        raise damaged(path, error) from error
    if picked is not None:
        image = image[:, :, :, picked]
    return _from_itk(image, notes)


def read_dicom_folder(path: Path) -> RawImage:
    """Read the one DICOM series of a folder.

    Raises
    ------
    InputError
        If there is no series, or more than one.
    """
    import SimpleITK as sitk

    series = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(path))
    if not series:
        raise InputError(
            f"{path}: a folder without DICOM files; an image file or a DICOM folder expected.",
            hint="Name the file itself.",
        )
    if len(series) > 1:
        raise InputError(
            f"{path}: {len(series)} DICOM series ({', '.join(series)}); one expected.",
            hint="Move each series into a folder of its own.",
        )
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(path), series[0])
    first = sitk.ImageFileReader()
    first.SetFileName(names[0])
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(names)
    warned = sitk.ProcessObject.GetGlobalWarningDisplay()
    # Uneven slices are reported below, as a note; ITK would print them to the terminal.
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        first.ReadImageInformation()
        _require_numbers(path, first)
        require_memory(path, [*first.GetSize()[:2], len(names)], _itemsize(first.GetPixelID()))
        image = reader.Execute()
    except RuntimeError as error:
        raise damaged(path, error) from error
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(warned)
    return _from_itk(image, _uneven_slices(names))


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
    vox2ras = ras_from_lps(lps)
    while data.ndim > 2 and data.shape[-1] == 1:
        data = data[..., 0]
    kept = [*range(data.ndim), ndim]
    return RawImage(data, vox2ras[np.ix_(kept, kept)], data.dtype, notes)


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

    wide = {sitk.sitkFloat64, sitk.sitkInt64, sitk.sitkUInt64}
    return 8 if pixel_id in wide else 4


def _uneven_slices(names: tuple[str, ...]) -> tuple[str, ...]:
    import SimpleITK as sitk

    if len(names) < 3:
        return ()
    origins = []
    for name in names:
        reader = sitk.ImageFileReader()
        reader.SetFileName(name)
        reader.ReadImageInformation()
        origins.append(reader.GetOrigin())
    steps = np.linalg.norm(np.diff(np.asarray(origins), axis=0), axis=1)
    if np.ptp(steps) < _UNEVEN_MM:
        return ()
    return (f"slices lie {steps.min():.2f} to {steps.max():.2f} mm apart; they were taken as evenly spaced",)
