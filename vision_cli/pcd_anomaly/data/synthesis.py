"""Generated data sets of parts with known defects and poses, in the layout of Real3D-AD.

Every scan has its own random numbers, by seed, class and number, so that a missing scan can be made alone and an
interrupted data set can be continued. The true poses are in ``truth.json``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from vision_cli.core.errors import InputError
from vision_cli.core.runs.files import append_line, require_free_space, whole_lines, write_json, write_text
from vision_cli.io.points.clouds import Mesh, write_ply
from vision_cli.io.points.pcd import write_pcd
from vision_cli.pcd_anomaly.data.scans import TRUTH_NAME
from vision_cli.pcd_anomaly.options import Recipe
from vision_cli.phantoms.parts.defects import KINDS, SUITES
from vision_cli.phantoms.parts.parts import PARTS, make_part
from vision_cli.phantoms.parts.scanner import Scan
from vision_cli.phantoms.parts.specimens import Specimen, draw_prototype, draw_test

_JOURNAL = ".vcli-truth.jsonl"
_CAD = "cad.ply"
_BYTES_A_POINT = 12
_BYTES_A_ROW = 36


@dataclass(frozen=True)
class _PlannedScan:
    """A scan that is to be made; ``stream`` identifies its random numbers."""

    class_number: int
    split: str
    number: int
    kind: str | None

    @property
    def class_name(self) -> str:
        return PARTS[self.class_number]

    @property
    def name(self) -> str:
        if self.split == "train":
            return f"{self.class_name}_template{self.number}"
        return f"{self.number:03d}_{self.kind or 'good'}"

    @property
    def stream(self) -> tuple[int, ...]:
        return (self.class_number, 1 if self.split == "train" else 2, self.number)


def write_dataset(directory: Path, recipe: Recipe, on_scan: Callable[[int, int], None] | None = None) -> Path:
    """Write a data set, or continue an interrupted one.

    Parameters
    ----------
    directory
        Folder of the data set: ``CLASS/{train,test,gt}``, ``CLASS/cad.ply`` and ``truth.json``.
    recipe
        Content of the data set.
    on_scan
        Called with the number of scans done and their total number.

    Returns
    -------
    Path
        ``truth.json``, which is written last.

    Raises
    ------
    InputError
        If the directory holds a data set of another recipe.
    ResourceError
        If the disk is full or the directory cannot be written to.
    """
    planned = list(_planned_scans(recipe))
    truth = directory / TRUTH_NAME
    known = _finished(truth, recipe)
    if known is None:
        known = _interrupted(directory / _JOURNAL, recipe)
        left = [scan for scan in planned if _key(scan) not in known or not _exist(directory, scan)]
        rows = sum(_BYTES_A_POINT + (_BYTES_A_ROW if scan.kind else 0) for scan in left)
        require_free_space(directory, max(recipe.points, recipe.prototype_points) * rows)
    mesh: Mesh | None = None
    meshed = -1
    for done, scan in enumerate(planned):
        if on_scan is not None:
            on_scan(done, len(planned))
        if _key(scan) in known and _exist(directory, scan):
            continue
        if scan.class_number != meshed:
            mesh, meshed = class_mesh(scan.class_name, recipe.seed), scan.class_number
            write_ply(directory / scan.class_name / _CAD, mesh.vertices, triangles=mesh.triangles)
        assert mesh is not None
        made = _draw(scan, mesh, recipe)
        _write(directory, scan, made)
        entry = _entry(scan, made)
        append_line(directory / _JOURNAL, json.dumps(entry))
        known[_key(scan)] = entry
    if on_scan is not None:
        on_scan(len(planned), len(planned))
    document = {"unit": "mm", "recipe": asdict(recipe), "samples": [known[_key(scan)] for scan in planned]}
    write_json(truth, document)
    (directory / _JOURNAL).unlink(missing_ok=True)
    return truth


def dataset_files(recipe: Recipe) -> list[str]:
    """Return the files that `write_dataset` writes, relative to its directory, with those it removes at the end."""
    here = Path()
    names = {here / TRUTH_NAME, here / _JOURNAL}
    for scan in _planned_scans(recipe):
        names |= {here / scan.class_name / _CAD, _scan_path(here, scan)}
        if scan.kind is not None:
            names.add(_truth_path(here, scan))
    return sorted(path.as_posix() for path in names)


def class_mesh(class_name: str, seed: int) -> Mesh:
    """Return the mesh of the part of a class."""
    return make_part(class_name, np.random.default_rng([seed, PARTS.index(class_name), 0]))


def _planned_scans(recipe: Recipe) -> Iterator[_PlannedScan]:
    for class_number in range(recipe.parts):
        for number in range(recipe.prototypes):
            yield _PlannedScan(class_number, "train", number, None)
        for number in range(recipe.good):
            yield _PlannedScan(class_number, "test", number, None)
        for number in range(recipe.defective):
            yield _PlannedScan(class_number, "test", recipe.good + number, KINDS[number % len(KINDS)])


def _draw(scan: _PlannedScan, mesh: Mesh, recipe: Recipe) -> Specimen:
    generator = np.random.default_rng([recipe.seed, *scan.stream])
    suite = SUITES[recipe.suite]
    if scan.split == "train":
        return draw_prototype(mesh, suite, recipe.prototype_points or recipe.points, generator)
    return draw_test(scan.class_name, mesh, suite, scan.kind, recipe.points, generator)


def _write(directory: Path, scan: _PlannedScan, made: Specimen) -> None:
    if scan.kind is not None:
        write_text(_truth_path(directory, scan), truth_text(made.scan))
    write_pcd(_scan_path(directory, scan), made.scan.points)


def truth_text(scan: Scan) -> str:
    """Return the ground truth of a scan in the format of Real3D-AD: a row ``x y z label`` for each point."""
    import pandas as pd

    # The scan's file holds float32 coordinates; the rows hold the same values.
    table = pd.DataFrame(scan.points.astype(np.float32).astype(np.float64))
    table["label"] = scan.labels
    return str(table.to_csv(sep=" ", header=False, index=False, float_format="%.6f", lineterminator="\n"))


def _entry(scan: _PlannedScan, made: Specimen) -> dict[str, object]:
    return {
        "class": scan.class_name,
        "split": scan.split,
        "name": scan.name,
        "points": len(made.scan.points),
        "defective_points": int(made.scan.labels.sum()),
        "defect": made.kind,
        "depth_mm": round(made.depth_mm, 6),
        "centre": None if made.centre is None else made.centre.round(6).tolist(),
        "scan_to_part": made.scan.pose_true.tolist(),
    }


def _scan_path(directory: Path, scan: _PlannedScan) -> Path:
    return directory / scan.class_name / scan.split / f"{scan.name}.pcd"


def _truth_path(directory: Path, scan: _PlannedScan) -> Path:
    return directory / scan.class_name / "gt" / f"{scan.name}.txt"


def _exist(directory: Path, scan: _PlannedScan) -> bool:
    paths = [_scan_path(directory, scan)] + ([_truth_path(directory, scan)] if scan.kind else [])
    return all(path.is_file() for path in paths)


def _key(scan: _PlannedScan) -> tuple[str, str, str]:
    return scan.class_name, scan.split, scan.name


_Known = dict[tuple[str, str, str], dict[str, object]]


def _finished(truth: Path, recipe: Recipe) -> _Known | None:
    """Return the entries of a finished data set by scan; None if there is none."""
    if not truth.is_file():
        return None
    try:
        document = json.loads(truth.read_text(encoding="utf-8"))
        samples, found = document["samples"], document["recipe"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{truth}: damaged ({error}); a made data set expected.", hint="Remove the folder.") from error
    _require_same(truth, found, recipe)
    return {(entry["class"], entry["split"], entry["name"]): entry for entry in samples}


def _interrupted(journal: Path, recipe: Recipe) -> _Known:
    """Return the entries of an interrupted data set by scan; write the recipe of a new one to the journal."""
    lines = [json.loads(line) for line in whole_lines(journal)]
    if not lines:
        journal.parent.mkdir(parents=True, exist_ok=True)
        append_line(journal, json.dumps(asdict(recipe)))
        return {}
    _require_same(journal, lines[0], recipe)
    return {(entry["class"], entry["split"], entry["name"]): entry for entry in lines[1:]}


def _require_same(path: Path, found: object, recipe: Recipe) -> None:
    wanted = asdict(recipe)
    if found != wanted:
        differing = next((k for k in wanted if not isinstance(found, dict) or found.get(k) != wanted[k]), "recipe")
        held = found.get(differing) if isinstance(found, dict) else found
        raise InputError(
            f"{path.parent}: holds a data set with {differing} {held}; {differing} {wanted[differing]} expected.",
            hint="Choose another folder.",
        )
