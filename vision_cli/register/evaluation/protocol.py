"""Evaluation of a data set by its protocol: every pair registered, Dice by structure, folded voxels, SD log J."""

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
from vision_cli.register.pipeline.pipeline import register
from vision_cli.register.pipeline.result import Registration

PUBLISHED: Mapping[str, tuple[float, float | None, float | None]] = {
    "affine": (0.386, None, None),
    "SyN": (0.645, None, None),
    "VoxelMorph-1": (0.729, None, 1.59),
    "TransMorph": (0.753, None, 1.58),
    "WiNet": (0.763, 0.125, 0.874),
    "WiNet-diff": (0.765, 0.125, 0.0),
}
"""Published Dice, its SD and folded voxels in percent on the 115 test images of IXI: of WiNet from the tables that its
authors published with arXiv:2407.13426, of the others from the IXI page of TransMorph."""

_PREFIX = "dice "


def pairs_of_subset(collection: Collection, subset: Subset) -> list[ListedPair]:
    """Return the pairs of a subset: those listed, or every image with the atlas, or each image with the next one.

    Raises
    ------
    InputError
        If there are no pairs.
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
    """Register and score every pair that is not done yet; each is a row of ``items.csv``.

    Parameters
    ----------
    run
        The open run; its items are the pairs.
    collection, pairs
        The data set and the pairs to score.
    options, compute, output
        Settings of the registration; device and threads; console for progress.
    l2r_compat
        Whether to add SD log J as the script of Learn2Reg computes it.
    """
    files = {file.id: file for file in collection.images}

    def score(pair: ListedPair) -> dict[str, object]:
        measures, labels = _score(files[pair.fixed], files[pair.moving], options, compute, l2r_compat)
        return {**measures, **_dice_by_structure(labels, collection.structures)}

    run.each(pairs, score, name=lambda pair: f"{pair.fixed}-{pair.moving}", what="pairs", output=output)


def protocol_table(directory: Path, layout: str) -> Table:
    """Return mean and SD of Dice by structure over the pairs of a finished run, and over all structures.

    For the layout of the paper's data set, published figures are appended.
    """
    found = read_table(directory / ITEMS)
    columns = {
        name: [float(cell) for row in found.rows if isinstance(cell := row[place], int | float)]
        for place, name in enumerate(found.columns)
    }
    cells = {name.removeprefix(_PREFIX): values for name, values in columns.items() if name.startswith(_PREFIX)}
    # Published shares of folded voxels are of the whole grid.
    folds = columns.get("folds_grid_pct", [])
    table: list[tuple[object, ...]] = [(name, *_mean_and_sd(values), None) for name, values in cells.items()]
    everything = [value for values in cells.values() for value in values]
    table.append(("all structures", *_mean_and_sd(everything), _mean_and_sd(folds)[0]))
    if layout == "ixi":
        table += [(f"{name}, published", *figures) for name, figures in PUBLISHED.items()]
    return Table(("structure", "Dice mean", "SD", "folds %, grid"), table)


def _mean_and_sd(values: Sequence[float]) -> tuple[float | None, float | None]:
    return (float(np.mean(values)), float(np.std(values))) if values else (None, None)


def _score(
    fixed_file: ImageFile, moving_file: ImageFile, options: RegistrationOptions, compute: Compute, l2r_compat: bool
) -> tuple[Mapping[str, float | None], LabelEvaluation]:
    (fixed, fixed_labels), (moving, moving_labels) = read_image(fixed_file), read_image(moving_file)
    if fixed_labels is None or moving_labels is None:
        missing = fixed_file if fixed_labels is None else moving_file
        raise InputError(
            f"{missing.image}: no labels found; a label map of this image expected.", hint="Add the labels."
        )
    pair = Pair(fixed, moving, fixed_labels=fixed_labels, moving_labels=moving_labels)
    found = register(pair, options, compute)
    linear = (found.affine,) if found.warp is not None else ()
    labels = evaluate_labels(fixed_labels, moving_labels, found.chain, linear=linear)
    measures = {
        "dice": labels.mean("dice"),
        "dice_affine": labels.mean("dice_affine"),
        "hd95_mm": labels.mean("hd95_mm"),
        "folds_pct": None if found.folded_voxels is None else 100 * found.folded_voxels / found.foreground_voxels,
        "sdlogj": found.sdlogj,
        "folds_grid_pct": None if found.over_grid is None else found.over_grid.folds_pct,
        "sdlogj_grid": None if found.over_grid is None else found.over_grid.sdlogj,
        "sdlogj_l2r": _sdlogj_learn2reg(found) if l2r_compat else None,
    }
    return measures, labels


def _sdlogj_learn2reg(found: Registration) -> float | None:
    return None if found.warp is None else sdlogj_learn2reg(found.warp.in_voxels())


def _dice_by_structure(labels: LabelEvaluation, structures: Mapping[str, Iterable[int]]) -> dict[str, float]:
    """Return Dice by structure, the mean over its labels; without structures every label is one."""
    dice = {score.label: score.dice for score in labels.scores}
    groups = structures or {str(label): (label,) for label in dice}
    found = {name: [dice[label] for label in own if label in dice] for name, own in groups.items()}
    return {f"{_PREFIX}{name}": float(np.mean(values)) for name, values in found.items() if values}
