"""One class or several in a picture: which are there, and whose a pixel is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vision_cli.fewshot_seg.values import Mask, Picture, Segmentation, Task


@dataclass(frozen=True)
class Decision:
    """How a segmentation becomes a mask.

    Attributes
    ----------
    threshold
        Of the probability; None for the mask of the chosen candidate.
    absent_below
        A class less probable than this is not in the picture: its mask is empty.
    """

    threshold: float | None = None
    absent_below: float = 0.3


@dataclass(frozen=True)
class ClassResult:
    """A class in a picture.

    Attributes
    ----------
    segmentation
        What the method says; its mask is the one that was decided on, without the pixels of other classes.
    is_absent
        Whether the class was taken for absent.
    """

    segmentation: Segmentation
    is_absent: bool


def segment_classes(
    tasks: Mapping[str, Task], picture: Picture, decision: Decision
) -> tuple[dict[str, ClassResult], NDArray[np.uint16]]:
    """Return every class in a picture, and whose each pixel is.

    Parameters
    ----------
    tasks
        Classes by name.
    picture
        The query.
    decision
        How masks are decided on.

    Returns
    -------
    tuple
        Results by class, and ``(H, W)`` numbers of the classes from 1 in their order, 0 for none. A pixel of several
        classes is of the most probable one, its probability weighed by that of the class being there at all.
    """
    found = {name: task.segment(picture) for name, task in tasks.items()}
    best = np.zeros(picture.shape[:2], np.float32)
    labels = np.zeros(picture.shape[:2], np.uint16)
    masks: dict[str, tuple[Mask, bool]] = {}
    for number, (name, one) in enumerate(found.items(), 1):
        is_absent = one.presence < decision.absent_below
        mask = one.mask if decision.threshold is None else np.asarray(one.probability > decision.threshold)
        mask = np.zeros_like(mask) if is_absent else mask
        masks[name] = mask, is_absent
        # GrabCut takes pixels of hardly any probability: they are the class's too, unless another wants them.
        weight = np.where(mask, np.maximum(one.probability, 1e-3) * max(one.presence, 1e-3), 0).astype(np.float32)
        wins = weight > best
        labels[wins] = number
        best = np.maximum(best, weight)
    results = {}
    for number, (name, one) in enumerate(found.items(), 1):
        mask, is_absent = masks[name]
        own = mask if len(found) == 1 else np.asarray(labels == number)
        results[name] = ClassResult(replace(one, mask=own), is_absent)
    return results, labels
