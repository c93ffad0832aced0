"""Task files: the same class again, and nothing of what they should not hold."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.fewshot_seg.pipeline.small import small_network
from tests.fewshot_seg.scenes import scene, support
from vision_cli.core.errors import InputError, MissingError, UsageError
from vision_cli.fewshot_seg.pipeline.methods import ClassRecipe, learn
from vision_cli.fewshot_seg.pipeline.task_files import read_task, write_task
from vision_cli.fewshot_seg.pipeline.weight_files import Method
from vision_cli.fewshot_seg.values import Support

NONE = Method(None, None)


@pytest.fixture
def recipe():
    picture, mask = scene(0)
    ignored = np.zeros_like(mask)
    ignored[:5] = True
    negative = support(3, has_class=False)
    return ClassRecipe("disc", (Support("one", picture, mask & ~ignored, ignored), negative), "pixel", 4, None)


def test_a_class_is_the_same_again(tmp_path, recipe):
    write_task(tmp_path / "disc.task", recipe, NONE)
    again = read_task(tmp_path / "disc.task", NONE)
    assert (again.name, again.method, again.seed, again.tile) == ("disc", "pixel", 4, None)
    for one, other in zip(again.supports, recipe.supports, strict=True):
        np.testing.assert_array_equal(one.picture, other.picture)
        np.testing.assert_array_equal(one.mask, other.mask)
        assert (one.ignored is None) == (other.ignored is None)
    first, second = (learn(one, NONE).segment(scene(1)[0]) for one in (recipe, again))
    np.testing.assert_array_equal(first.probability, second.probability)


def test_adapted_tensors_belong_to_their_network(tmp_path):
    weights = Method(small_network(), None)
    name = "tavp.matching.coarse.bias"
    recipe = ClassRecipe("disc", (support(0),), "tavp", adapted={name: torch.ones(1)})
    write_task(tmp_path / "a.task", recipe, weights)
    assert read_task(tmp_path / "a.task", weights).adapted[name].tolist() == [1.0]
    with pytest.raises(UsageError, match="adapted on another network"):
        read_task(tmp_path / "a.task", NONE)


def test_damaged_and_other_files_are_refused(tmp_path, recipe):
    path = tmp_path / "disc.task"
    with pytest.raises(MissingError, match="no such file"):
        read_task(path, NONE)
    path.write_bytes(b"not a task")
    with pytest.raises(InputError, match=r"disc\.task: no task file"):
        read_task(path, NONE)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(InputError, match=r"disc\.task: no task file"):
        read_task(path, NONE)


@pytest.mark.parametrize(
    "change", [{"method": "magic"}, {"tile": 1}, {"tile": "x"}, {"supports": []}, {"supports": 3}, {"seed": None}]
)
def test_what_a_file_says_is_checked(tmp_path, recipe, change):
    from safetensors import safe_open

    path = tmp_path / "disc.task"
    write_task(path, recipe, NONE)
    with safe_open(path, "pt") as file:
        about = json.loads(file.metadata()["fewshot-seg-task"])
    save_file(load_file(path), path, {"fewshot-seg-task": json.dumps({**about, **change})})
    with pytest.raises(InputError, match="no task file"):
        read_task(path, NONE)


def test_pictures_in_a_file_are_checked(tmp_path, recipe):
    from safetensors import safe_open

    path = tmp_path / "disc.task"
    write_task(path, recipe, NONE)
    with safe_open(path, "pt") as file:
        about = file.metadata()
    tensors = load_file(path)
    for broken in (torch.zeros(9, dtype=torch.uint8), tensors["mask.0"].clone()):
        save_file({**tensors, "picture.0": broken}, path, about)
        with pytest.raises(InputError, match="no task file"):
            read_task(path, NONE)
