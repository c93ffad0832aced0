"""Data sets made of parts with known defects and poses, in the layout of Real3D-AD.

Every scan has random numbers of its own, by seed, class and place, so that one that is missing can be made alone and a
data set that was interrupted goes on. The true poses are in ``truth.json``.
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
class _Order:
    """One scan that is to be made; ``stream`` is its place among the random numbers."""

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
    """Make a data set, or go on with one that was interrupted.

    Parameters
    ----------
    directory
        Where it goes: ``CLASS/{train,test,gt}``, ``CLASS/cad.ply`` and ``truth.json``.
    recipe
        What it holds.
    on_scan
        Called with how many scans there are and how many there will be.

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
    orders = list(_orders(recipe))
    truth = directory / TRUTH_NAME
    known = _finished(truth, recipe)
    if known is None:
        known = _begun(directory / _JOURNAL, recipe)
        left = [order for order in orders if _key(order) not in known or not _exist(directory, order)]
        rows = sum(_BYTES_A_POINT + (_BYTES_A_ROW if order.kind else 0) for order in left)
        require_free_space(directory, max(recipe.points, recipe.prototype_points) * rows)
    mesh: Mesh | None = None
    meshed = -1
    for done, order in enumerate(orders):
        if on_scan is not None:
            on_scan(done, len(orders))
        if _key(order) in known and _exist(directory, order):
            continue
        if order.class_number != meshed:
            mesh, meshed = class_mesh(order.class_name, recipe.seed), order.class_number
            write_ply(directory / order.class_name / _CAD, mesh.vertices, triangles=mesh.triangles)
        assert mesh is not None
        made = _draw(order, mesh, recipe)
        _write(directory, order, made)
        entry = _entry(order, made)
        append_line(directory / _JOURNAL, json.dumps(entry))
        known[_key(order)] = entry
    if on_scan is not None:
        on_scan(len(orders), len(orders))
    document = {"unit": "mm", "recipe": asdict(recipe), "samples": [known[_key(order)] for order in orders]}
    write_json(truth, document)
    (directory / _JOURNAL).unlink(missing_ok=True)
    return truth


def dataset_files(recipe: Recipe) -> list[str]:
    """Name the files that `write_dataset` writes, relative to its directory, with those that it removes in the end."""
    here = Path()
    names = {here / TRUTH_NAME, here / _JOURNAL}
    for order in _orders(recipe):
        names |= {here / order.class_name / _CAD, _scan_path(here, order)}
        if order.kind is not None:
            names.add(_truth_path(here, order))
    return sorted(path.as_posix() for path in names)


def class_mesh(class_name: str, seed: int) -> Mesh:
    """Give the mesh of the part that the scans of a class show."""
    return make_part(class_name, np.random.default_rng([seed, PARTS.index(class_name), 0]))


def _orders(recipe: Recipe) -> Iterator[_Order]:
    for class_number in range(recipe.parts):
        for number in range(recipe.prototypes):
            yield _Order(class_number, "train", number, None)
        for number in range(recipe.good):
            yield _Order(class_number, "test", number, None)
        for number in range(recipe.defective):
            yield _Order(class_number, "test", recipe.good + number, KINDS[number % len(KINDS)])


def _draw(order: _Order, mesh: Mesh, recipe: Recipe) -> Specimen:
    generator = np.random.default_rng([recipe.seed, *order.stream])
    suite = SUITES[recipe.suite]
    if order.split == "train":
        return draw_prototype(mesh, suite, recipe.prototype_points or recipe.points, generator)
    return draw_test(order.class_name, mesh, suite, order.kind, recipe.points, generator)


def _write(directory: Path, order: _Order, made: Specimen) -> None:
    if order.kind is not None:
        write_text(_truth_path(directory, order), truth_text(made.scan))
    write_pcd(_scan_path(directory, order), made.scan.points)


def truth_text(scan: Scan) -> str:
    """Give the truth of a scan as Real3D-AD has it: a row ``x y z label`` for each point."""
    import pandas as pd

    # The rows hold what the scan's file holds, which is float32.
    table = pd.DataFrame(scan.points.astype(np.float32).astype(np.float64))
    table["label"] = scan.labels
    return str(table.to_csv(sep=" ", header=False, index=False, float_format="%.6f", lineterminator="\n"))


def _entry(order: _Order, made: Specimen) -> dict[str, object]:
    return {
        "class": order.class_name,
        "split": order.split,
        "name": order.name,
        "points": len(made.scan.points),
        "defective_points": int(made.scan.labels.sum()),
        "defect": made.kind,
        "depth_mm": round(made.depth_mm, 6),
        "centre": None if made.centre is None else made.centre.round(6).tolist(),
        "scan_to_part": made.scan.pose_true.tolist(),
    }


def _scan_path(directory: Path, order: _Order) -> Path:
    return directory / order.class_name / order.split / f"{order.name}.pcd"


def _truth_path(directory: Path, order: _Order) -> Path:
    return directory / order.class_name / "gt" / f"{order.name}.txt"


def _exist(directory: Path, order: _Order) -> bool:
    paths = [_scan_path(directory, order)] + ([_truth_path(directory, order)] if order.kind else [])
    return all(path.is_file() for path in paths)


def _key(order: _Order) -> tuple[str, str, str]:
    return order.class_name, order.split, order.name


_Known = dict[tuple[str, str, str], dict[str, object]]


def _finished(truth: Path, recipe: Recipe) -> _Known | None:
    """Give what a finished data set knows of its scans; None if there is none."""
    if not truth.is_file():
        return None
    try:
        document = json.loads(truth.read_text(encoding="utf-8"))
        samples, found = document["samples"], document["recipe"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{truth}: damaged ({error}); a made data set expected.", hint="Remove the folder.") from error
    _require_same(truth, found, recipe)
    return {(entry["class"], entry["split"], entry["name"]): entry for entry in samples}


def _begun(journal: Path, recipe: Recipe) -> _Known:
    """Give what an interrupted data set knows of its scans, and put down the recipe of a new one."""
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
