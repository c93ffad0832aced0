"""Boxes written as each family writes them are read back."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.enhance_eval.pipeline.tasks.decoders import RECIPES, to_input

SIZE = (64, 96)
BOX, SCORES = np.array([20.0, 12, 52, 40]), np.array([0.05, 0.6, 0.1])
CENTRE, SIDES = (BOX[:2] + BOX[2:]) / 2, BOX[2:] - BOX[:2]


def logit(p):
    return np.log(p / (1 - p))


def grid_place(stride, x, y, before):
    return before + y * (SIZE[1] // stride) + x


def yolov5():
    table = np.zeros((1, 30, 8))
    table[0, 7] = [*CENTRE, *SIDES, 0.8, *(SCORES / 0.8)]
    return [table], 7


def yolov8():
    table = np.zeros((1, 7, 30))
    table[0, :, 11] = [*CENTRE, *SIDES, *SCORES]
    return [table], 11


def yolox():
    count = sum((SIZE[0] // stride) * (SIZE[1] // stride) for stride in (8, 16, 32))
    table = np.zeros((1, count, 8))
    place = grid_place(16, 2, 1, (SIZE[0] // 8) * (SIZE[1] // 8))
    table[0, place] = [*(CENTRE / 16 - [2, 1]), *np.log(SIDES / 16), 1.0, *SCORES]
    return [table], place


def nanodet(strides, shift):
    count = sum(-(-SIZE[0] // stride) * -(-SIZE[1] // stride) for stride in strides)
    table = np.full((1, count, 3 + 32), 0.0)
    place = grid_place(8, 4, 3, 0)
    point = (np.array([4, 3]) + shift) * 8
    table[0, place, :3] = SCORES
    for side, distance in enumerate([*(point - BOX[:2]), *(BOX[2:] - point)]):
        low = int(distance // 8)
        bins = np.full(8, -60.0)
        share = distance / 8 - low
        bins[low] = np.log(max(1 - share, 1e-12))
        bins[low + 1] = np.log(max(share, 1e-12))
        table[0, place, 3 + 8 * side : 11 + 8 * side] = bins
    return [table], place


def fastestdet():
    maps = np.zeros((1, 8, 4, 6))
    x, y = 2, 1
    offset = CENTRE / 16 - [x, y]
    maps[0, :, y, x] = [1.0, *np.arctanh(offset), *logit(SIDES / [96, 64]), *SCORES]
    return [maps], y * 6 + x


def queries(values):
    boxes = np.full((1, 5, 4), 0.5)
    boxes[0, 3] = [*(CENTRE / [96, 64]), *(SIDES / [96, 64])]
    logits = np.full((1, 5, len(values)), -9.0)
    logits[0, 3] = values
    return [logits, boxes], 3


CASES = {
    "yolov5": yolov5(),
    "yolov8": yolov8(),
    "yolox": yolox(),
    "nanodet": nanodet((8, 16, 32, 64), 0.0),
    "nanodet, three strides": nanodet((8, 16, 32), 0.5),
    "fastestdet": fastestdet(),
    "detr": queries(np.log([*SCORES, 1 - SCORES.sum()])),
    "rtdetr": queries(logit(SCORES)),
    "nms": ([np.array([[[*BOX, 0.6, 1]]])], 0),
    "nms, apart": ([BOX[None], np.array([1]), np.array([0.6])], 0),
    "nms, apart, scores first": ([np.array([0.6]), np.array([1], np.int32), BOX[None]], 0),
}


@pytest.mark.parametrize("case", CASES)
def test_a_box_is_read_back(case):
    outputs, place = CASES[case]
    recipe = RECIPES[case.partition(",")[0]]
    found = recipe.decode(outputs, SIZE)
    np.testing.assert_allclose(found.corners[place], BOX, atol=1e-3)
    expected = [0, 0.6] if case.startswith("nms") else SCORES
    np.testing.assert_allclose(found.scores[place], expected, atol=1e-6)
    assert len(found.corners) == len(found.scores)


@pytest.mark.parametrize("name", RECIPES)
def test_outputs_of_another_network_are_refused(name):
    with pytest.raises(InputError, match=f"decoder {name}: "):
        RECIPES[name].decode([np.zeros((1, 2, 3))], SIZE)


def test_rows_that_fill_up_are_no_boxes():
    outputs = [np.array([[*BOX, 0.6, 1], [0, 0, 0, 0, 0, -1]])[None]]
    assert RECIPES["nms"].decode(outputs, SIZE).corners.shape == (1, 4)


def test_pictures_are_given_in_the_range_and_order_of_each_family():
    picture = np.zeros((4, 4, 3), np.float32)
    picture[..., 0] = 1
    assert to_input(picture, RECIPES["yolov8"])[0, :, 0, 0].tolist() == [1, 0, 0]
    assert to_input(picture, RECIPES["yolox"])[0, :, 0, 0].tolist() == [0, 0, 255]
    nanodet = to_input(picture, RECIPES["nanodet"])[0, :, 0, 0]
    np.testing.assert_allclose(nanodet, [-103.53 / 57.375, -116.28 / 57.12, (255 - 123.675) / 58.395], rtol=1e-5)


@pytest.mark.parametrize("name", RECIPES)
def test_the_picture_stays_as_it_is_however_it_lies_in_memory(name):
    picture = np.random.default_rng(0).random((3, 4, 5), dtype=np.float32).transpose(1, 2, 0)
    before = picture.copy()
    assert to_input(picture, RECIPES[name]).shape == (1, 3, 4, 5)
    np.testing.assert_array_equal(picture, before)
