"""The ladder of the paper: the same part and groups without a head, then IUN, IAN, the push and AGCS, one by one.

The rungs share reference, views and groups of the prototypes; only the head and what follows from it differ. They are
scored as the paper scores, by the distance of groups to the bank alone. Ours, which has the channels of residuals
besides, is the full method.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from vision_cli.core.compute.benchmark import Bar
from vision_cli.core.errors import InputError
from vision_cli.core.runs import interrupts
from vision_cli.core.runs.runs import Run
from vision_cli.io.points.clouds import Mesh, PointCloud
from vision_cli.pcd_anomaly.model.files import DESCRIPTION, NUMBERS, description, numbers, read_model
from vision_cli.pcd_anomaly.model.learning import Model, complete, prepare
from vision_cli.pcd_anomaly.options import HeadOptions, Selection

LADDER = "ladder"
BASE, LAST = "base", "+AGCS"
RUNGS = (BASE, "+IUN", "+IAN", "+push", LAST)
"""Names of the rungs, from below."""

_HEADS = {
    BASE: {"steps": 0},
    "+IUN": {"iun": True, "ian": False, "push": False},
    "+IAN": {"iun": True, "ian": True, "push": False},
    "+push": {"iun": True, "ian": True, "push": True},
}
"""Heads of the rungs; the last rung has that of the one below."""

_GAIN, _SMALL_GAIN, _SLACK = 0.03, 0.05, 0.01


@dataclass(frozen=True)
class Rung:
    """A model of the ladder and where it puts its groups."""

    model: Model
    agcs: Selection


def train_rungs(
    run: Run,
    class_name: str,
    prototypes: Callable[[], Sequence[PointCloud | Mesh]],
    model: Model,
    generator: np.random.Generator,
) -> None:
    """Train the models of a class that are not there yet, to ``ladder/CLASS/RUNG``.

    Parameters
    ----------
    run
        The open run.
    class_name
        Which class.
    prototypes
        Reads its prototypes.
    model
        The full one, whose options all rungs have but for the head.
    generator
        Every random number; the same for all rungs.
    """
    homes = {name: f"{LADDER}/{class_name}/{_folder(name)}" for name in _HEADS}
    missing = [name for name, home in homes.items() if not (run.directory / home / DESCRIPTION).is_file()]
    if not missing:
        return
    prepared = prepare(prototypes(), model.options, generator, describe=model.describe)
    for name in missing:
        interrupts.check()
        options = replace(model.options, head=rung_head(model.options.head, name))
        found = complete(prepared, options)
        with run.output(f"{homes[name]}/{NUMBERS}") as path:
            path.write_bytes(numbers(found))
        run.write_json(f"{homes[name]}/{DESCRIPTION}", description(found))


def rung_head(head: HeadOptions, name: str) -> HeadOptions:
    """Return the options of a rung's head, from those of the full method."""
    return replace(head, **_HEADS["+push" if name == LAST else name])  # type: ignore[arg-type]


def read_rung(directory: Path, name: str, model: Model) -> Rung:
    """Read a rung of a class.

    Parameters
    ----------
    directory
        ``ladder/CLASS`` of the run.
    name
        One of `RUNGS`.
    model
        The full one; scans are brought to its reference.

    Raises
    ------
    InputError
        If the rung was trained on other prototypes than the model.
    """
    found = read_model(directory / _folder("+push" if name == LAST else name), describe=model.describe)
    if not np.array_equal(found.reference.level.surface.points, model.reference.level.surface.points):
        raise InputError(
            f"{directory.name}: the prototypes of DATA make another reference than the model's; those that it was "
            "trained on expected, and its --seed.",
            hint="Give the data set and the seed of the training.",
        )
    return Rung(found, "relative" if name == LAST else "off")


def ladder_bars(rungs: Mapping[str, Mapping[str, float]], full: Mapping[str, float]) -> list[Bar]:
    """Say what the ladder must show: by the measures of every rung and of the full method, averaged over classes."""
    objects = [found["o_auroc"] for found in (*(rungs[name] for name in RUNGS), full)]
    small = [found["aupro_small@0.3"] for found in (rungs[BASE], full)]
    steps = [above - below for below, above in pairwise(objects)]
    wanted = (
        ("O-AUROC, full less base", _GAIN, objects[-1] - objects[0]),
        ("AUPRO of defects on < 0.5 % of the points, full less base", _SMALL_GAIN, small[1] - small[0]),
        ("O-AUROC, least step", -_SLACK, min(steps)),
    )
    return [Bar(name, True, required, found if np.isfinite(found) else None) for name, required, found in wanted]


def _folder(name: str) -> str:
    return name.lstrip("+").lower()
