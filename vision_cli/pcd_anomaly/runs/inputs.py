"""Inputs of the verbs: data sets, plain folders, single files, models of classes, seeds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError, UsageError
from vision_cli.io.points.clouds import POINT_SUFFIXES, Mesh, read_points_or_mesh
from vision_cli.pcd_anomaly.data.layouts import DataSet, Sample, read_dataset, read_folders
from vision_cli.pcd_anomaly.options import TrainingScans
from vision_cli.pcd_anomaly.surfaces.geometry import diameter


def find_data(scans: TrainingScans, test: Path | None = None, truth: Path | None = None) -> DataSet | None:
    """Return the scans of a data set, or of plain folders; None if neither is given.

    Parameters
    ----------
    scans
        Options that say where they are.
    test, truth
        Folders of test scans and of the ground truth of their points.

    Raises
    ------
    UsageError
        If both are given, or a truth without scans.
    InputError
        As `read_dataset` and `read_folders`.
    """
    folders = {"--train": scans.train, "--test": test, "--gt": truth}
    given = [name for name, path in folders.items() if path is not None]
    classes = scans.classes or ()
    if scans.data is not None and given:
        raise UsageError(f"DATA and {', '.join(given)} found; one or the other expected.")
    if truth is not None and test is None:
        raise UsageError("--gt without --test found; both expected.")
    if given and len(classes) > 1:
        raise UsageError(f"--class {', '.join(classes)}: folders hold scans of one part; one name expected.")
    if given:
        return read_folders(scans.train, test, truth, classes[0] if classes else None)
    return (
        None
        if scans.data is None
        else read_dataset(scans.data, None if scans.layout == "auto" else scans.layout, classes)
    )


def good_scan_files(scans: TrainingScans, folder: Path | None) -> list[Path]:
    """Return the scans of ``--good``, a folder or a file; none if it is not given.

    Raises
    ------
    UsageError
        If they are given without ``--train``.
    InputError
        If there are no scans.
    """
    if folder is None:
        return []
    if scans.train is None:
        raise UsageError("--good without --train found; both expected.")
    if folder.is_file():
        return [folder]
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in POINT_SUFFIXES and path.is_file())
    if not found:
        raise InputError(f"{folder}: no scans found; good scans expected.", hint="Check the path of --good.")
    return found


def read_pose(path: Path) -> NDArray[np.float64]:
    """Return the 4 x 4 pose of a JSON file that ``register`` wrote.

    Raises
    ------
    InputError
        If the file holds no pose.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        matrix = np.asarray(found["scan_to_reference"] if isinstance(found, dict) else found, dtype=np.float64)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: no pose found ({error}); JSON with scan_to_reference expected.") from error
    if matrix.shape != (4, 4) or not np.allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-3):
        raise InputError(f"{path}: a matrix of shape {matrix.shape} found; a rigid 4 x 4 pose expected.")
    return matrix


def list_scans(inputs: Sequence[Path], models: Mapping[str, Path], class_name: str | None) -> list[Sample]:
    """Return the scans of files and folders, named by their paths.

    Raises
    ------
    UsageError
        If it is unclear which model is meant.
    InputError
        If a folder holds no scans.
    """
    if class_name is not None and class_name not in models:
        raise UsageError(f"--class {class_name}: no such model; one of {', '.join(models)} expected.")
    if class_name is None and len(models) > 1:
        raise UsageError(f"{len(models)} models found; --class with one of {', '.join(models)} expected.")
    name = class_name or next(iter(models))
    found: list[tuple[str, Path]] = []
    for given in inputs:
        if given.is_dir():
            inside = sorted(path for path in given.rglob("*") if path.suffix.lower() in POINT_SUFFIXES)
            found += [(path.relative_to(given).with_suffix("").as_posix(), path) for path in inside]
        else:
            found.append((given.stem, given))
    if not found:
        raise InputError(f"{', '.join(map(str, inputs))}: no scans found.", hint="Give files or folders of scans.")
    names = [label for label, _ in found]
    # Scans of the same name in several folders get a number.
    unique = [label if names.count(label) == 1 else f"{label}-{place + 1}" for place, label in enumerate(names)]
    return [
        Sample(name, label, path, "test", None, None, None, "folder")
        for label, (_, path) in zip(unique, found, strict=True)
    ]


def require_tests(data: DataSet) -> None:
    """Require test scans.

    Raises
    ------
    InputError
        If there are none.
    """
    if not any(sample.split == "test" for sample in data.samples):
        raise InputError(f"{data.root}: no scans to test on; some expected.", hint="Give them with --test DIR.")


def require_prototypes(data: DataSet) -> None:
    """Require prototypes of every class, for an ablation.

    Raises
    ------
    UsageError
        If a class has no prototypes.
    """
    for name in data.class_names:
        if not data.of(name, "train"):
            raise UsageError(
                f"--ablate: no prototypes of {name} found; those that the model was trained on expected.",
                hint="Give DATA, or --train DIR.",
            )


def describe_file(path: Path) -> dict[str, object]:
    """Return facts on a file of points or a mesh.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    found = read_points_or_mesh(path)
    points = found.vertices if isinstance(found, Mesh) else found.points
    finite = points[np.asarray(np.isfinite(points).all(axis=1))]
    low, high = (finite.min(axis=0), finite.max(axis=0)) if len(finite) else (None, None)
    return {
        "kind": "mesh" if isinstance(found, Mesh) else "points",
        "points": len(points),
        "invalid_points": len(points) - len(finite),
        "triangles": len(found.triangles) if isinstance(found, Mesh) else 0,
        "diameter": diameter(finite) if len(finite) > 3 else None,
        "lowest": None if low is None else low.tolist(),
        "highest": None if high is None else high.tolist(),
    }


def class_generator(seed: int, name: str) -> np.random.Generator:
    """Return the random generator of a class, which does not depend on the other classes."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def model_directory(models: Mapping[str, Path], sample: Sample) -> Path:
    """Return the directory of the model that scores a scan: that of its class, or the only one.

    Raises
    ------
    InputError
        If there are several models and none of the class.
    """
    if sample.class_name in models:
        return models[sample.class_name]
    if len(models) == 1:
        return next(iter(models.values()))
    raise InputError(
        f"{sample.path}: no model of class {sample.class_name}; one of {', '.join(models)} expected.",
        hint="Say which with --class.",
    )
