"""A data set scored as its users score it: every pair registered, Dice by structure, folding, SD log J."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from vision_cli.core.command.console import Output, Table
from vision_cli.core.compute.benchmark import read_table
from vision_cli.core.compute.devices import Compute
from vision_cli.core.errors import InputError
from vision_cli.core.runs.journal import ITEMS
from vision_cli.core.runs.runs import Run
from vision_cli.register.data.layouts import Collection, ImageFile, ListedPair, read_image
from vision_cli.register.evaluation.measures import LabelEvaluation, evaluate_labels, sdlogj_learn2reg
from vision_cli.register.options.evaluation import Subset
from vision_cli.register.options.registration import RegistrationOptions
from vision_cli.register.pipeline.inputs import Pair
from vision_cli.register.pipeline.pipeline import Registration, register

PUBLISHED: Mapping[str, tuple[float, float | None, float | None]] = {
    "affine": (0.386, None, None),
    "SyN": (0.645, None, None),
    "VoxelMorph-1": (0.729, None, 1.59),
    "TransMorph": (0.753, None, 1.58),
    "WiNet": (0.763, 0.125, 0.874),
    "WiNet-diff": (0.765, 0.125, 0.0),
}
"""Dice, its SD and folded voxels in percent on the 115 test images of IXI: WiNet's from the per-case tables that its
authors published with arXiv:2407.13426, the others' from the page of TransMorph on IXI."""

_PREFIX = "dice "


def listed_pairs(collection: Collection, subset: Subset) -> list[ListedPair]:
    """Pairs of a subset: as listed, or every image with the atlas, or each image with the next one.

    Raises
    ------
    InputError
        If there are none.
    """
    pairs = [pair for pair in collection.pairs if pair.subset == subset]
    if not collection.pairs:
        files = [file.id for file in collection.images if file.subset == subset and file.id != collection.atlas]
        if collection.atlas is not None:
            pairs = [ListedPair(name, collection.atlas, subset) for name in files]
        elif len(files) > 1:
            pairs = [ListedPair(name, other, subset) for name, other in zip(files, [*files[1:], files[0]], strict=True)]
    if not pairs:
        raise InputError(f"evaluate: no pairs of the subset {subset} found; one or more expected.")
    return pairs


def score_collection(
    run: Run,
    collection: Collection,
    pairs: Sequence[ListedPair],
    options: RegistrationOptions,
    compute: Compute,
    output: Output,
    *,
    l2r_compat: bool = False,
) -> None:
    """Register and score every pair that is not done yet: a row of ``items.csv`` each.

    Parameters
    ----------
    run
        The open run; each pair is an item of it.
    collection, pairs
        The data.
    options, compute, output
        As for one pair.
    l2r_compat
        Also give SD log J as Learn2Reg's script computes it.
    """
    files = {file.id: file for file in collection.images}

    def score(pair: ListedPair) -> dict[str, object]:
        measures, labels = _score(files[pair.fixed], files[pair.moving], options, compute, l2r_compat)
        return {**measures, **_by_structure(labels, collection.structures)}

    run.each(pairs, score, name=lambda pair: f"{pair.fixed}-{pair.moving}", what="pairs", output=output)


def protocol_table(directory: Path, layout: str) -> Table:
    """Return mean and SD of Dice by structure over the pairs of a finished run, and of all of them together.

    Where the layout is that of the paper's data, published figures stand below.
    """
    found = read_table(directory / ITEMS)
    columns = {
        name: [float(cell) for row in found.rows if isinstance(cell := row[place], int | float)]
        for place, name in enumerate(found.columns)
    }
    cells = {name.removeprefix(_PREFIX): values for name, values in columns.items() if name.startswith(_PREFIX)}
    folds = columns.get("folds_pct", [])
    table: list[tuple[object, ...]] = [(name, *_mean_and_sd(values), None) for name, values in cells.items()]
    everything = [value for values in cells.values() for value in values]
    table.append(("all structures", *_mean_and_sd(everything), _mean_and_sd(folds)[0]))
    if layout == "ixi":
        table += [(f"{name}, published", *figures) for name, figures in PUBLISHED.items()]
    return Table(("structure", "Dice mean", "SD", "folds %"), table)


def _mean_and_sd(values: Sequence[float]) -> tuple[float | None, float | None]:
    return (float(np.mean(values)), float(np.std(values))) if values else (None, None)


def _score(
    fixed_file: ImageFile, moving_file: ImageFile, options: RegistrationOptions, compute: Compute, l2r_compat: bool
) -> tuple[Mapping[str, float | None], LabelEvaluation]:
    (fixed, fixed_labels), (moving, moving_labels) = read_image(fixed_file), read_image(moving_file)
    if fixed_labels is None or moving_labels is None:
        missing = fixed_file if fixed_labels is None else moving_file
        raise InputError(f"{missing.image}: no labels found; labels to score by expected.")
    pair = Pair(fixed, moving, fixed_labels=fixed_labels, moving_labels=moving_labels)
    found = register(pair, options, compute)
    linear = (found.affine,) if found.warp is not None else ()
    labels = evaluate_labels(fixed_labels, moving_labels, found.chain, linear=linear)
    measures = {
        "dice": labels.mean("dice"),
        "dice_affine": labels.mean("dice_affine"),
        "hd95_mm": labels.mean("hd95_mm"),
        "folds_pct": None if found.folds is None else 100 * found.folds / found.foreground_voxels,
        "sdlogj": found.sdlogj,
        "sdlogj_l2r": _compatible(found) if l2r_compat else None,
    }
    return measures, labels


def _compatible(found: Registration) -> float | None:
    """SD log J of the warp as Learn2Reg's script has it."""
    if found.warp is None:
        return None
    axes = np.linalg.inv(found.warp.grid.vox2ras[:-1, :-1])
    return sdlogj_learn2reg(found.warp.displacement @ axes.T)


def _by_structure(labels: LabelEvaluation, structures: Mapping[str, Iterable[int]]) -> dict[str, float]:
    """Dice by structure, the mean of its labels; every label for itself where there are none."""
    dice = {score.label: score.dice for score in labels.scores}
    groups = structures or {str(label): (label,) for label in dice}
    found = {name: [dice[label] for label in own if label in dice] for name, own in groups.items()}
    return {f"{_PREFIX}{name}": float(np.mean(values)) for name, values in found.items() if values}
