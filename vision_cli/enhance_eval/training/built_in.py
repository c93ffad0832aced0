"""Training of a built-in network, from nothing to weights and the card that says what they measured on test scenes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import Compute
from vision_cli.core.compute.training import WEIGHTS, LoadingTask, Schedule, fit, measures_of, pack, write_card
from vision_cli.core.compute.training.finish import Kept
from vision_cli.core.runs.runs import Run
from vision_cli.enhance_eval.data.night_scenes import NightWorld, night_crops, night_scenes
from vision_cli.enhance_eval.networks.centre_detector import build_centre_detector
from vision_cli.enhance_eval.networks.crop_classifier import build_crop_classifier
from vision_cli.enhance_eval.networks.curve_net import build_curve_net
from vision_cli.enhance_eval.options import BuiltInNetwork, Recipe, TrainingOptions
from vision_cli.enhance_eval.pipeline.tasks.builtin import load_into
from vision_cli.enhance_eval.training.classification import ClassifierTask, classification_score
from vision_cli.enhance_eval.training.clear_pictures import crop_pool, scene_pool
from vision_cli.enhance_eval.training.curves import CurveTask, DarkPictures, enhancement_score
from vision_cli.enhance_eval.training.detection import DetectorTask, detection_score

_VALIDATION_SCENES, _CURVE_SCENES, _TEST_SCENES = 200, 48, 400
_SAVE_EVERY = 200
_VALIDATIONS = 20
_PATIENCE = 2


@dataclass(frozen=True)
class _Plan:
    """A task with what its card says and measures."""

    task: LoadingTask[Any]
    data: str
    monitor: str | None
    keep: Kept
    measure: Callable[[nn.Module], Mapping[str, float]]


def train_built_in(
    run: Run | None, name: BuiltInNetwork, options: TrainingOptions, compute: Compute, output: Output, *, command: str
) -> Mapping[str, float]:
    """Train a network; write its weights as float16, their card and ``metrics.json``.

    Parameters
    ----------
    run
        The open run; None on all processes but the first.
    name
        Which network.
    options, compute
        How long and how fast, and where.
    output
        Where progress is shown.
    command
        The line that repeats the training, for the card.

    Returns
    -------
    Mapping
        What the packed weights measured in validation, and on test scenes, whose photographs and random numbers are
        others; empty on all processes but the first.
    """
    recipe = options.recipe(name)
    torch.manual_seed(compute.seed)
    plan = _PLANS[name](recipe, compute)
    schedule = Schedule(
        steps=recipe.steps,
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        decay=True,
        warm_up=min(200, max(recipe.steps // 10, 1)),
        clip_norm=5.0,
        weight_decay=recipe.weight_decay,
        validate_every=max(recipe.steps // _VALIDATIONS, 1),
        save_every=_SAVE_EVERY,
        monitor=plan.monitor,
        patience=_PATIENCE,
        precision=compute.precision,
        seed=compute.seed,
    )
    progress = fit(run, plan.task, schedule, samples=None, compute=compute, output=output)
    if run is None:
        return {}
    pack(run, plan.keep)
    network = plan.task.network
    load_into(network, run.directory / WEIGHTS)
    validated = {f"validation_{key}": value for key, value in measures_of(progress, plan.keep).items()}
    measures = {**validated, **plan.measure(network.to(compute.device).eval())}
    run.write_metrics(measures)
    write_card(run, measures, data=plan.data, command=command, seed=compute.seed)
    return measures


def _plan_detector(recipe: Recipe, compute: Compute) -> _Plan:
    pool = scene_pool(recipe.scenes, compute.seed, NightWorld(compute.seed, "train"))
    held_out = night_scenes(_VALIDATION_SCENES, compute.seed, "validation")
    task = DetectorTask(build_centre_detector(len(held_out.classes)), pool, held_out, compute.device)

    def measure(network: nn.Module) -> Mapping[str, float]:
        return {"test_ap50": detection_score(network, night_scenes(_TEST_SCENES, compute.seed), compute.device)}

    return _Plan(task, f"{recipe.scenes} clear scenes of NightScenes-10", "ap50", "best", measure)


def _plan_classifier(recipe: Recipe, compute: Compute) -> _Plan:
    pool = crop_pool(recipe.scenes, compute.seed, NightWorld(compute.seed, "train"))
    held_out = night_crops(_VALIDATION_SCENES, compute.seed, "validation")
    task = ClassifierTask(build_crop_classifier(len(held_out.classes)), pool, held_out, compute.device)

    def measure(network: nn.Module) -> Mapping[str, float]:
        crops = night_crops(_TEST_SCENES, compute.seed)
        return {"test_accuracy": classification_score(network, crops, compute.device)}

    return _Plan(task, f"crops of {recipe.scenes} clear scenes of NightScenes-10", "accuracy", "best", measure)


def _plan_curve(recipe: Recipe, compute: Compute) -> _Plan:
    validation, test = (NightWorld(compute.seed, split) for split in ("validation", "test"))
    held_out = [validation.scene(number).radiance for number in range(_CURVE_SCENES)]
    pictures = DarkPictures(NightWorld(compute.seed, "train"))
    task = CurveTask(build_curve_net(), pictures, held_out, compute.device)

    def measure(network: nn.Module) -> Mapping[str, float]:
        lights = [test.scene(number).radiance for number in range(_CURVE_SCENES)]
        return {"test_psnr_db": enhancement_score(network, lights, compute.device)}

    data = "darkened scenes of NightScenes-10 and the photographs behind them, without references"
    return _Plan(task, data, None, "last", measure)


_PLANS: Mapping[BuiltInNetwork, Callable[[Recipe, Compute], _Plan]] = {
    "detector": _plan_detector,
    "classifier": _plan_classifier,
    "curve": _plan_curve,
}
