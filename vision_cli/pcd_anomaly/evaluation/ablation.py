"""The ablation of the paper: the same part and groups without a head, then with IUN, IAN, push and AGCS, one by one.

The steps share the reference, views and groups of the prototypes; only the heads differ. Scans are scored as in the
paper, by the distance of groups to the memory bank alone. The full method adds the channels of residuals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np

from vision_cli.core.compute.benchmark import Bar
from vision_cli.pcd_anomaly.options import HeadOptions, Selection

ABLATION_FOLDER = "ladder"
BASE, LAST = "base", "+AGCS"
ABLATION_STEPS = (BASE, "+IUN", "+IAN", "+push", LAST)
"""Names of the steps, in order."""

_HEADS = {
    BASE: {"steps": 0},
    "+IUN": {"iun": True, "ian": False, "push": False},
    "+IAN": {"iun": True, "ian": True, "push": False},
    "+push": {"iun": True, "ian": True, "push": True},
}
TRAINED_STEPS = tuple(_HEADS)
"""Steps with a model of their own; the last step uses the model of the step before."""

_GAIN, _SMALL_GAIN, _SLACK = 0.03, 0.05, 0.01


def step_folder(step: str) -> str:
    """Return the folder of the model that a step uses."""
    return (TRAINED_STEPS[-1] if step == LAST else step).lstrip("+").lower()


def step_selection(step: str) -> Selection:
    """Return how a step selects group centres."""
    return "relative" if step == LAST else "off"


def head_options(head: HeadOptions, step: str) -> HeadOptions:
    """Return the options of a step's head, from those of the full method."""
    return replace(head, **_HEADS[TRAINED_STEPS[-1] if step == LAST else step])  # type: ignore[arg-type]


def ablation_bars(steps: Mapping[str, Mapping[str, float]], full: Mapping[str, float]) -> list[Bar]:
    """Return the required gains of the ablation and the measured ones.

    Parameters
    ----------
    steps
        Measures of every step, averaged over classes.
    full
        Measures of the full method.
    """
    objects = [found["o_auroc"] for found in (*(steps[name] for name in ABLATION_STEPS), full)]
    small = [found["aupro_small@0.3"] for found in (steps[BASE], full)]
    gains = [above - below for below, above in pairwise(objects)]
    wanted = (
        ("O-AUROC, full less base", _GAIN, objects[-1] - objects[0]),
        ("AUPRO of defects on < 0.5 % of the points, full less base", _SMALL_GAIN, small[1] - small[0]),
        ("O-AUROC, least step", -_SLACK, min(gains)),
    )
    return [Bar(name, True, required, found if np.isfinite(found) else None) for name, required, found in wanted]
