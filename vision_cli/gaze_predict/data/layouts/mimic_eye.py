"""MIMIC-Eye (Hsieh et al. 2023): REFLACX and EGD by patient, with the films of MIMIC-CXR beside them.

::

    <patient>/REFLACX/metadata.csv  <patient>/REFLACX/main_data/<id>/...
    <patient>/EyeGaze/master_sheet.csv  <patient>/EyeGaze/{fixations.csv,audio_segmentation_transcripts/...}
    <patient>/CXR-JPG/s<study>/<dicom>.jpg
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vision_cli.gaze_predict.data.layouts import egd, reflacx
from vision_cli.gaze_predict.data.readings import GazeSource
from vision_cli.gaze_predict.values import Recording
from vision_cli.io.pictures.folders import folders_in

_DEPTH = 3
"""Folders above those of patients at most, with the root."""


def is_mimic_eye(root: Path) -> bool:
    """Return whether folders of patients lie in a folder, or in one inside it."""
    return next(_patients(root, _DEPTH), None) is not None


def read_mimic_eye(root: Path, source: GazeSource) -> list[Recording]:
    """Read the sentences of both parts, patient by patient.

    Raises
    ------
    InputError
        If a table is damaged or lacks columns.
    """
    found = []
    for patient in _patients(root, _DEPTH):
        table = patient / "REFLACX" / "metadata.csv"
        if table.is_file():
            found += reflacx.read_readings(table, table.parent / "main_data", source, subject=patient.name)
        if egd.is_egd(patient / "EyeGaze"):
            found += egd.read_egd(patient / "EyeGaze", source, subject=patient.name)
    return found


def _patients(folder: Path, depth: int) -> Iterator[Path]:
    if (folder / "REFLACX" / "metadata.csv").is_file() or egd.is_egd(folder / "EyeGaze"):
        yield folder
    elif depth and folder.is_dir():
        for inner in folders_in(folder):
            yield from _patients(inner, depth - 1)
