"""Training of the whole method, its sources of episodes, and adaptation to supports, a few steps each."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.fewshot_seg.pipeline.small import small_network
from tests.fewshot_seg.scenes import scene, support
from tests.program import vcli
from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import configure
from vision_cli.core.errors import InputError, UsageError
from vision_cli.core.runs.runs import Run
from vision_cli.fewshot_seg.data.opening import open_dataset
from vision_cli.fewshot_seg.options import RECIPES, Shots, TrainingOptions
from vision_cli.fewshot_seg.pipeline.weight_files import read_method
from vision_cli.fewshot_seg.training.adaptation import TUNED, adapt_network
from vision_cli.fewshot_seg.training.sources import DatasetEpisodes, GeneratedEpisodes


@pytest.fixture(scope="module")
def dataset(tmp_path_factory, put):
    home = tmp_path_factory.mktemp("set")
    for name, count in (("disc", 5), ("few", 1)):
        for number in range(count):
            picture, mask = scene(number, width=80)
            put(home / "images" / name / f"{number}.png", picture)
            put(home / "masks" / name / f"{number}.png", np.uint8(255) * mask)
    return open_dataset(home)


def test_episodes_of_a_data_set_are_squares_that_show_the_class(dataset):
    training, validation = DatasetEpisodes.split(dataset)
    names = [{pair.name for pairs in one.classes for pair in pairs} for one in (training, validation)]
    assert names[0] & names[1] == set()
    assert len(names[1]) == 2
    episode = training(np.random.default_rng(0), side=32, shots=3)
    for one in [*episode.supports, episode.query]:
        assert one.picture.shape == (32, 32, 3)
        assert one.mask.any()
    again = training(np.random.default_rng(0), side=32, shots=3)
    np.testing.assert_array_equal(again.query.picture, episode.query.picture)


def test_a_data_set_of_single_pictures_is_refused(dataset):
    with pytest.raises(InputError, match="no class has two pictures or more"):
        DatasetEpisodes.split(dataset.only(["few"]))


def test_generated_episodes_of_both_splits_differ():
    sources = [GeneratedEpisodes.of(0, split) for split in ("train", "validation")]
    drawn = [[one(np.random.default_rng(n), side=32, shots=1).query.picture for n in range(6)] for one in sources]
    assert any(not np.array_equal(first, second) for first, second in zip(*drawn, strict=True))


def test_numbers_of_supports_are_a_number_or_a_range():
    assert Shots().parse("--shots", "1-5") == (1, 5)
    assert Shots().parse("--shots", "2") == (2, 2)
    for text in ("5-1", "0-2", "x"):
        with pytest.raises(UsageError, match="--shots"):
            Shots().parse("--shots", text)


def test_a_recipe_is_that_of_the_preset_but_for_what_is_given():
    own = TrainingOptions(steps=7, shots=(2, 2)).recipe
    assert (own.steps, own.shots, own.backbone) == (7, (2, 2), RECIPES["embedded"].backbone)


def test_adaptation_lowers_the_loss_and_leaves_the_encoder_alone(tmp_path):
    loaded = small_network()
    before = {name: value.clone() for name, value in loaded.network.state_dict().items()}
    compute = configure("cpu", 1, 0)
    with Run.open(tmp_path / "run", command="fewshot-seg adapt", options={}) as run:
        tensors = adapt_network(
            run,
            loaded,
            [support(0), support(1), support(2, has_class=False)],
            steps=12,
            learning_rate=3e-3,
            compute=compute,
            output=Output(quiet=True),
        )
        run.finish()
    assert all(name.startswith(TUNED) for name in tensors)
    changed = {name for name, value in loaded.network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed
    assert changed <= set(tensors)
    rows = np.genfromtxt(tmp_path / "run" / "history.csv", delimiter=",", names=True)
    assert rows["loss"][-4:].mean() < rows["loss"][:4].mean()


def test_presets_need_their_files(tmp_path):
    done = vcli("fewshot-seg", "train", "--preset", "sam", "--threads", 1, "-o", tmp_path / "a")
    assert done.returncode == 2
    assert "--sam-checkpoint FILE expected" in done.stderr


@pytest.mark.slow
def test_the_shipped_recipe_runs_shortened_and_what_it_writes_is_used(tmp_path):
    words = "--preset embedded --steps 3 --batch-size 2 --side 64 --shots 1 --gate-episodes 6 --threads 1"
    for name in ("a", "b"):
        done = vcli("fewshot-seg", "train", *words.split(), "-o", tmp_path / name)
        assert done.returncode == 0, done.stderr
    files = [tmp_path / name / "weights.safetensors" for name in ("a", "b")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].stat().st_size < 12e6
    method = read_method(files[0])
    assert method.gate.candidates[4:] == ("tavp", "pixels")
    assert method.network.variant == "conv"
    assert (tmp_path / "a" / "weights.json").is_file()
