"""How each method is trained unless told otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vision_cli.core.errors import UsageError
from vision_cli.forgery_detect.options.training import Method, TrainOptions

if TYPE_CHECKING:
    from vision_cli.core.compute.devices import Precision
    from vision_cli.core.compute.training.schedule import Schedule

ABLATIONS = ("noise", "attention", "coherence")
"""Parts of a detector that can be left out: MFCLIP's noise branch, its attention to pairs of prompts (SPA), and the
coherence features that any network takes in."""

_WARM_UP, _VALIDATIONS, _SAVE_EVERY, _CLIP, _WEIGHT_DECAY = 100, 20, 200, 5.0, 0.02


@dataclass(frozen=True)
class Recipe:
    """Optimiser steps, faces a step and learning rate."""

    steps: int
    batch_size: int
    learning_rate: float


RECIPES: Mapping[Method, Recipe] = {
    "mfclip": Recipe(2000, 24, 5e-4),
    "erm": Recipe(2000, 24, 5e-4),
    "linear": Recipe(1000, 64, 1e-2),
    "gmdf": Recipe(1000, 32, 1e-3),
}

PRETRAINING_STEPS = 500


def schedule_of(options: TrainOptions, *, seed: int, precision: Precision = "float32") -> Schedule:
    """Return steps and learning rates of a training; ``coherence`` has none."""
    # Imports torch.
    from vision_cli.core.compute.training.schedule import Schedule

    recipe = RECIPES[options.method]
    steps = recipe.steps if options.steps is None else options.steps
    return Schedule(
        steps=steps,
        batch_size=options.batch_size or recipe.batch_size,
        learning_rate=recipe.learning_rate if options.learning_rate is None else options.learning_rate,
        decay=True,
        warm_up=min(_WARM_UP, max(steps // 10, 1)),
        clip_norm=_CLIP,
        weight_decay=_WEIGHT_DECAY,
        validate_every=max(steps // _VALIDATIONS, 1),
        save_every=_SAVE_EVERY,
        monitor="auc",
        precision=precision,
        seed=seed,
    )


def pretraining_steps(options: TrainOptions) -> int:
    """Return the steps of masked image modelling before a training; none where CLIP's encoder is given."""
    if options.method != "gmdf":
        return 0
    if options.pretraining is not None:
        return options.pretraining
    return PRETRAINING_STEPS if options.backbone is None else 0


_OPTIONS: Mapping[str, tuple[Method, ...]] = {
    "steps": ("mfclip", "gmdf", "erm", "linear"),
    "batch_size": ("mfclip", "gmdf", "erm", "linear"),
    "learning_rate": ("mfclip", "gmdf", "erm", "linear"),
    "variant": ("mfclip", "gmdf", "erm"),
    "pretraining": ("gmdf",),
    "second_order": ("gmdf",),
    "expert_dim": ("gmdf",),
    "backbone": ("linear", "gmdf"),
    "published_pooling": ("mfclip",),
}
"""Methods that an option has an effect on."""


def require_own_options(options: TrainOptions) -> None:
    """Refuse options that have no effect on the method.

    Raises
    ------
    UsageError
        If one is set.
    """
    for name, methods in _OPTIONS.items():
        if options.method not in methods and getattr(options, name) != getattr(TrainOptions(), name):
            word = "lr" if name == "learning_rate" else name.replace("_", "-")
            raise UsageError(
                f"--{word}: has no effect on --method {options.method}; it is of {', '.join(methods)}.",
                hint="Leave it out, or name another method.",
            )


def left_out(options: TrainOptions) -> frozenset[str]:
    """Return the parts that ``--ablate`` names.

    Raises
    ------
    UsageError
        If there is no such part, or the method does not have it.
    """
    named = {word.strip() for word in options.ablate.split(",") if word.strip()}
    unknown = sorted(named - set(ABLATIONS))
    if unknown:
        raise UsageError(f"--ablate {unknown[0]}; some of {', '.join(ABLATIONS)} expected.")
    lacking = sorted(named - {"coherence"}) if options.method not in {"mfclip", "erm"} else []
    if lacking or (named and options.method == "coherence"):
        raise UsageError(f"--ablate {(lacking or sorted(named))[0]}: {options.method} has no such part.")
    return frozenset(named)
