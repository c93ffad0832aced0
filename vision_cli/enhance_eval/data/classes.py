"""Names of classes that detectors and data sets share, and how those of one become those of the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.enhance_eval.values import Detections

EXDARK = (
    "Bicycle",
    "Boat",
    "Bottle",
    "Bus",
    "Car",
    "Cat",
    "Chair",
    "Cup",
    "Dog",
    "Motorbike",
    "People",
    "Table",
)
"""Classes of ExDark, in the order of their numbers (Groundtruth/README of the data set)."""

_VOC_NAMES = (
    "aeroplane,bicycle,bird,boat,bottle,bus,car,cat,chair,cow,diningtable,dog,horse,motorbike,person,pottedplant,"
    "sheep,sofa,train,tvmonitor"
)
VOC = tuple(_VOC_NAMES.split(","))
"""The 20 classes of PASCAL VOC."""

_COCO_NAMES = (
    "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,parking meter,"
    "bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,handbag,tie,suitcase,frisbee,"
    "skis,snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,tennis racket,bottle,wine glass,"
    "cup,fork,knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,"
    "potted plant,bed,dining table,toilet,tv,laptop,mouse,remote,keyboard,cell phone,microwave,oven,toaster,sink,"
    "refrigerator,book,clock,vase,scissors,teddy bear,hair drier,toothbrush"
)
COCO = tuple(_COCO_NAMES.split(","))
"""The 80 classes of COCO 2017, in the order of their numbers."""

_SAME: Mapping[str, str] = {
    "motorcycle": "motorbike",
    "person": "people",
    "diningtable": "table",
    "pedestrian": "people",
    "airplane": "aeroplane",
    "couch": "sofa",
    "tv": "tvmonitor",
}
"""Names of one thing in COCO, VOC and ExDark, without spaces and in lower case: each stands for the other."""


@dataclass(frozen=True)
class ClassMap:
    """Where the classes of a model stand among those of a data set.

    Attributes
    ----------
    positions
        ``(model classes,)`` int64: the position in the data set, -1 for a class that it does not have.
    unknown
        Classes of the model that the data set does not have.
    uncovered
        Classes of the data set that the model cannot find.
    """

    positions: NDArray[np.int64]
    unknown: tuple[str, ...]
    uncovered: tuple[str, ...]

    def apply(self, found: Detections) -> tuple[Detections, int]:
        """Return detections with the data set's labels, and how many were dropped for a class it does not have."""
        labels = self.positions[found.labels]
        keep = labels >= 0
        return Detections(found.corners[keep], found.scores[keep], labels[keep]), int((~keep).sum())


def map_classes(model: Sequence[str], data: Sequence[str]) -> ClassMap:
    """Map classes by name: in whatever case, spaces aside, with the names of COCO, VOC and ExDark for one thing."""
    places: dict[str, int] = {}
    for place, name in enumerate(data):
        places.setdefault(_plain(name), place)
    positions = np.array([_place(name, places) for name in model], dtype=np.int64)
    covered = set(positions.tolist())
    return ClassMap(
        positions,
        tuple(name for name, place in zip(model, positions, strict=True) if place < 0),
        tuple(name for place, name in enumerate(data) if place not in covered),
    )


def _place(name: str, places: Mapping[str, int]) -> int:
    plain = _plain(name)
    if plain in places:
        return places[plain]
    twins = [_SAME.get(plain), *(ours for ours, theirs in _SAME.items() if theirs == plain)]
    return next((places[twin] for twin in twins if twin is not None and twin in places), -1)


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
