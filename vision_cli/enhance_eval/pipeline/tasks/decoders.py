"""From the numbers that published detectors give to boxes: one recipe a family, with the input it was trained on.

Each recipe follows the family's own inference code: YOLOv5 (``utils/general.py``), YOLOv8 (``utils/ops.py``), YOLOX
(``yolox/utils/demo_utils.py``), NanoDet and NanoDet-Plus (``model/head``), FastestDet (``utils/tool.py``), DETR and
RT-DETR (their post-processors), and models exported with non-maximum suppression inside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.enhance_eval.pipeline.tasks.placing import Fit

Floats = NDArray[np.floating]

_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_CAFFE_MEAN, _CAFFE_STD = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)

_REG_MAX = 7
"""Highest bin of a side's distribution in NanoDet."""


@dataclass(frozen=True)
class Candidates:
    """Boxes of a network's input with the score of each class.

    Attributes
    ----------
    corners
        ``(N, 4)``, pixels of the input.
    scores
        ``(N, C)``.
    """

    corners: Floats
    scores: Floats


@dataclass(frozen=True)
class Recipe:
    """A family of detectors.

    Attributes
    ----------
    decode
        Arrays of one picture and height and width of the input to candidates.
    fit
        How the picture is brought to the input.
    size
        Height and width of the input where the file leaves them open.
    order
        ``rgb`` or ``bgr``.
    highest
        Value of white.
    mean, std
        Subtracted and divided by, by channel in ``order``.
    overlap
        IoU from which the lower of two boxes of a class is dropped; None where the network does so itself.
    """

    decode: Callable[[Sequence[Floats], tuple[int, int]], Candidates]
    fit: Fit
    size: tuple[int, int]
    order: str = "rgb"
    highest: float = 1.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    overlap: float | None = None


def decode_yolov5(outputs: Sequence[Floats], size: tuple[int, int]) -> Candidates:
    """Decode ``(N, 5 + C)``: centre, sides in pixels, objectness, chances of the classes."""
    rows = _table("yolov5", outputs, lambda shape: shape[1] > 5)
    return Candidates(_from_centres(rows[:, :4]), rows[:, 4:5] * rows[:, 5:])


def decode_yolov8(outputs: Sequence[Floats], size: tuple[int, int]) -> Candidates:
    """Decode ``(4 + C, N)``: centre, sides in pixels, chances of the classes."""
    rows = _table("yolov8", outputs, lambda shape: shape[0] > 4).T
    return Candidates(_from_centres(rows[:, :4]), rows[:, 4:])


def decode_yolox(outputs: Sequence[Floats], size: tuple[int, int]) -> Candidates:
    """Decode ``(N, 5 + C)`` over grids of strides 8, 16, 32: centre from the cell, logarithm of the sides in cells."""
    rows = _table("yolox", outputs, lambda shape: shape[1] > 5)
    cells, strides = _grids("yolox", size, (8, 16, 32), len(rows))
    centres = (rows[:, :2] + cells) * strides
    # Sides of a wrong guess may be beyond any number; such a box is as large as the input.
    sides = np.exp(np.minimum(rows[:, 2:4], 20)) * strides
    return Candidates(_from_centres(np.concatenate([centres, sides], axis=1)), rows[:, 4:5] * rows[:, 5:])


def decode_nanodet(outputs: Sequence[Floats], size: tuple[int, int]) -> Candidates:
    """Decode ``(N, C + 32)``: chances of the classes, then four distributions of the distance to a side over 0 to 7.

    NanoDet-Plus has four strides and measures from a cell's corner, NanoDet three and from its middle.
    """
    rows = _table("nanodet", outputs, lambda shape: shape[1] > 4 * (_REG_MAX + 1))
    count = rows.shape[1] - 4 * (_REG_MAX + 1)
    is_plus = len(rows) == _cells(size, (8, 16, 32, 64))
    cells, strides = _grids("nanodet", size, (8, 16, 32, 64) if is_plus else (8, 16, 32), len(rows))
    points = (cells if is_plus else cells + 0.5) * strides
    logits = rows[:, count:].reshape(len(rows), 4, _REG_MAX + 1)
    distances = (_softmax(logits) * np.arange(_REG_MAX + 1)).sum(axis=2) * strides
    return Candidates(np.concatenate([points - distances[:, :2], points + distances[:, 2:]], axis=1), rows[:, :count])


def decode_fastestdet(outputs: Sequence[Floats], size: tuple[int, int]) -> Candidates:
    """Decode ``(5 + C, H, W)``: objectness, offset of the centre, sides as shares of the input, chances of classes."""
    found = [array for array in _without_batch(outputs) if array.ndim == 3 and array.shape[0] > 5]
    if len(found) != 1:
        raise _unfit("fastestdet", outputs, "(5 + classes, H, W)")
    maps = found[0]
    height, width = maps.shape[1:]
    rows = maps.reshape(len(maps), -1).T
    y, x = np.divmod(np.arange(height * width), width)
    centres = (np.tanh(rows[:, 1:3]) + np.stack([x, y], axis=1)) / [width, height]
    boxes = np.concatenate([centres, _sigmoid(rows[:, 3:5])], axis=1) * np.tile(size[::-1], 2)
    return Candidates(_from_centres(boxes), rows[:, :1] * rows[:, 5:])


def decode_detr(outputs: Sequence[Floats], size: tuple[int, int]) -> Candidates:
    """Decode logits ``(N, C + 1)``, the last for no object, and boxes ``(N, 4)`` as shares of the input (DETR)."""
    boxes, logits = _queries("detr", outputs)
    return Candidates(_from_centres(boxes * np.tile(size[::-1], 2)), _softmax(logits)[:, :-1])


def decode_rtdetr(outputs: Sequence[Floats], size: tuple[int, int]) -> Candidates:
    """Decode logits ``(N, C)``, one chance each, and boxes ``(N, 4)`` as shares of the input (RT-DETR, D-FINE)."""
    boxes, logits = _queries("rtdetr", outputs)
    return Candidates(_from_centres(boxes * np.tile(size[::-1], 2)), _sigmoid(logits))


def decode_nms(outputs: Sequence[Floats], size: tuple[int, int]) -> Candidates:
    """Decode what is suppressed already: ``(N, 6)`` of corners, score, class; or corners, classes and scores apart."""
    # One detection alone looks like a batch of one: only an array of three axes says that there is a batch.
    is_batch = any(array.ndim == 3 for array in outputs)
    arrays = [array[0] if is_batch and array.ndim else array for array in outputs]
    rows = next((array for array in arrays if array.ndim == 2 and array.shape[1] == 6), None)
    if rows is not None:
        corners, scores, labels = rows[:, :4], rows[:, 4], rows[:, 5]
    else:
        boxes = [array for array in arrays if array.ndim == 2 and array.shape[1] == 4]
        vectors = [array for array in arrays if array.ndim == 1 and boxes and len(array) == len(boxes[0])]
        whole = [array for array in vectors if array.dtype.kind in "iu"]
        shares = [array for array in vectors if array.dtype.kind == "f"]
        if len(boxes) != 1 or len(shares) + len(whole) != 2 or not shares:
            raise _unfit("nms", outputs, "(N, 6), or boxes (N, 4) with labels (N,) and scores (N,)")
        corners, scores = boxes[0], shares[0] if whole else shares[-1]
        labels = whole[0] if whole else shares[0]
    numbers = labels.astype(np.int64)
    if len(numbers) and numbers.min() < 0:
        # Rows that fill up a fixed number of them.
        corners, scores, numbers = corners[numbers >= 0], scores[numbers >= 0], numbers[numbers >= 0]
    table = np.zeros((len(numbers), int(numbers.max(initial=0)) + 1))
    table[np.arange(len(numbers)), numbers] = scores
    return Candidates(corners, table)


RECIPES: Mapping[str, Recipe] = {
    "yolov5": Recipe(decode_yolov5, "letterbox", (640, 640), overlap=0.6),
    "yolov8": Recipe(decode_yolov8, "letterbox", (640, 640), overlap=0.7),
    "yolox": Recipe(decode_yolox, "corner", (640, 640), "bgr", 255.0, overlap=0.65),
    "nanodet": Recipe(decode_nanodet, "stretch", (416, 416), "bgr", 255.0, _CAFFE_MEAN, _CAFFE_STD, 0.6),
    "fastestdet": Recipe(decode_fastestdet, "stretch", (352, 352), "bgr", overlap=0.45),
    "detr": Recipe(decode_detr, "stretch", (800, 800), mean=_IMAGENET_MEAN, std=_IMAGENET_STD),
    "rtdetr": Recipe(decode_rtdetr, "stretch", (640, 640)),
    "nms": Recipe(decode_nms, "letterbox", (640, 640)),
}
"""Families by the word of ``decoder=``."""


def to_input(picture: Floats, recipe: Recipe) -> NDArray[np.float32]:
    """Return a placed picture as the network takes it, ``(1, 3, H, W)``."""
    channels = picture[..., ::-1] if recipe.order == "bgr" else picture
    std = np.asarray(recipe.std)
    # A copy always: of planar memory the turned array would be the picture itself.
    planes = np.array(channels.transpose(2, 0, 1), dtype=np.float32, order="C")
    planes *= (recipe.highest / std).astype(np.float32)[:, None, None]
    planes -= (np.asarray(recipe.mean) / std).astype(np.float32)[:, None, None]
    return planes[None]


def _from_centres(rows: Floats) -> Floats:
    half = rows[:, 2:4] / 2
    return np.concatenate([rows[:, :2] - half, rows[:, :2] + half], axis=1)


def _without_batch(outputs: Sequence[Floats]) -> list[Floats]:
    return [array[0] if array.ndim > 1 and array.shape[0] == 1 else array for array in outputs]


def _table(name: str, outputs: Sequence[Floats], fits: Callable[[tuple[int, ...]], bool]) -> Floats:
    found = [array for array in _without_batch(outputs) if array.ndim == 2 and fits(array.shape)]
    if not found:
        raise _unfit(name, outputs, "one table of boxes")
    # Exports of YOLOv5 may give the maps of the single scales after the table of all.
    return found[0]


def _queries(name: str, outputs: Sequence[Floats]) -> tuple[Floats, Floats]:
    arrays = [array for array in _without_batch(outputs) if array.ndim == 2]
    if len(arrays) != 2 or len(arrays[0]) != len(arrays[1]) or all(array.shape[1] != 4 for array in arrays):
        raise _unfit(name, outputs, "logits (N, C) and boxes (N, 4)")
    first, second = arrays
    # Of three classes and no object there are four logits too; shares lie within 0 to 1, and come last.
    is_first = first.shape[1] == 4 and (second.shape[1] != 4 or bool(((first >= 0) & (first <= 1)).all()))
    is_second = second.shape[1] == 4 and bool(((second >= 0) & (second <= 1)).all())
    return (first, second) if is_first and not (is_second and first.shape == second.shape) else (second, first)


def _cells(size: tuple[int, int], strides: Sequence[int]) -> int:
    return sum(-(-size[0] // stride) * -(-size[1] // stride) for stride in strides)


def _grids(name: str, size: tuple[int, int], strides: Sequence[int], rows: int) -> tuple[Floats, Floats]:
    """Return the cell ``(x, y)`` and the stride of each row, ``(N, 2)`` and ``(N, 1)``."""
    if rows != _cells(size, strides):
        raise InputError(
            f"decoder {name}: {rows} boxes of an input of {size[1]} x {size[0]}; {_cells(size, strides)} at strides "
            f"{', '.join(map(str, strides))} expected.",
            hint="Choose the decoder of this network.",
        )
    cells, steps = [], []
    for stride in strides:
        height, width = -(-size[0] // stride), -(-size[1] // stride)
        y, x = np.divmod(np.arange(height * width), width)
        cells.append(np.stack([x, y], axis=1))
        steps.append(np.full((height * width, 1), stride))
    return np.concatenate(cells).astype(np.float64), np.concatenate(steps).astype(np.float64)


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * values)))


def _softmax(values: Floats) -> Floats:
    raised = np.exp(values - values.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def _unfit(name: str, outputs: Sequence[Floats], expected: str) -> InputError:
    shapes = ", ".join(str(tuple(array.shape)) for array in outputs)
    return InputError(
        f"decoder {name}: outputs of shapes {shapes}; {expected} expected.", hint="Choose the decoder of this network."
    )
