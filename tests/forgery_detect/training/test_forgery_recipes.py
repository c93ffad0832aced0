"""Recipes of the methods, and options that a method has no use for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from vision_cli.core.errors import UsageError
from vision_cli.forgery_detect.options.training import TrainOptions
from vision_cli.forgery_detect.training.recipes import RECIPES, left_out, require_own_options, schedule_of


@pytest.mark.parametrize("method", RECIPES)
def test_a_recipe_holds_unless_options_say_otherwise(method):
    usual = schedule_of(TrainOptions(method=method), seed=4)
    recipe = RECIPES[method]
    assert (usual.steps, usual.batch_size, usual.learning_rate) == (
        recipe.steps,
        recipe.batch_size,
        recipe.learning_rate,
    )
    assert (usual.seed, usual.monitor) == (4, "auc")
    short = schedule_of(TrainOptions(method=method, steps=3, batch_size=6, learning_rate=0.0), seed=0)
    assert (short.steps, short.batch_size, short.learning_rate) == (3, 6, 0.0)
    # The shortest training warms up and is validated, too.
    assert (short.warm_up, short.validate_every) == (1, 1)


def test_parts_are_left_out_by_name():
    assert left_out(TrainOptions(method="mfclip", ablate=" noise, attention,")) == {"noise", "attention"}
    assert left_out(TrainOptions(method="gmdf", ablate="coherence")) == {"coherence"}
    assert left_out(TrainOptions()) == frozenset()


@pytest.mark.parametrize(
    ("method", "ablate", "message"),
    [
        ("mfclip", "noise,eyes", "--ablate eyes; some of noise, attention, coherence expected"),
        ("gmdf", "noise", "--ablate noise: gmdf has no such part"),
        ("coherence", "coherence", "--ablate coherence: coherence has no such part"),
    ],
)
def test_a_part_that_a_method_lacks_is_refused(method, ablate, message):
    with pytest.raises(UsageError, match=message):
        left_out(TrainOptions(method=method, ablate=ablate))


@pytest.mark.parametrize(
    ("method", "option", "value", "word"),
    [
        ("coherence", "steps", 10, "--steps"),
        ("coherence", "learning_rate", 0.1, "--lr"),
        ("linear", "variant", "paper", "--variant"),
        ("mfclip", "pretraining", 0, "--pretraining"),
        ("erm", "second_order", True, "--second-order"),
        ("mfclip", "expert_dim", 8, "--expert-dim"),
        ("mfclip", "backbone", "openai/clip", "--backbone"),
        ("erm", "published_pooling", True, "--published-pooling"),
    ],
)
def test_an_option_without_effect_is_refused(method, option, value, word):
    with pytest.raises(UsageError, match=f"{word}: has no effect on --method {method}"):
        require_own_options(replace(TrainOptions(method=method), **{option: value}))


def test_options_of_a_method_pass():
    require_own_options(TrainOptions(method="gmdf", steps=2, pretraining=0, second_order=True, expert_dim=4))
    require_own_options(TrainOptions(method="linear", backbone=str(Path("clip")), batch_size=4))
    require_own_options(TrainOptions(method="mfclip", variant="paper", published_pooling=True))
