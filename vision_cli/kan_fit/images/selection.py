"""Training of a classifier whose nodes select their spaces: the paper's phases, and trials that decide on images.

Full training has every space at every node, selective training makes the gates hard. Then the network of the modes that
contribute most, and one for each space alone, are trained on for a while each, and the one with the least negative
log-likelihood on the validation images is trained to the end, on these images too.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import Compute
from vision_cli.core.compute.training import HISTORY, LAST, Schedule, fit, open_shared_part, shared_directory
from vision_cli.core.runs.runs import Run, read_metrics
from vision_cli.kan_fit.images.data import Images
from vision_cli.kan_fit.images.training import ClassifierTask, as_images
from vision_cli.kan_fit.names import Architecture
from vision_cli.kan_fit.networks.classifiers import Classifier, narrowed, plan_classifier
from vision_cli.kan_fit.networks.conv import SKANConv2d
from vision_cli.kan_fit.networks.dense import SKANLayer
from vision_cli.kan_fit.options import TrainingOptions

PHASES = "phases"
_FULL, _SELECTIVE, _TRIAL = 0.15, 0.1, 0.1
_WARM_UP_SHARE = 0.05
_SCORED_IMAGES = 256
_SMALL_SIDE = 16
MIXED = "mixed"


@dataclass(frozen=True)
class Trial:
    """A network that was tried.

    Attributes
    ----------
    name
        ``mixed``, or the space that all its nodes have.
    parameters
        Trained numbers.
    val_accuracy, val_nll
        On the validation images, behind its trial; nats.
    kept
        Whether it was trained to the end.
    """

    name: str
    parameters: int
    val_accuracy: float
    val_nll: float
    kept: bool


@dataclass(frozen=True)
class Choice:
    """A mode of a node when the modes were scored."""

    layer: int
    node: int
    mode: str
    gate: float
    contribution: float
    kept: bool


@dataclass(frozen=True)
class Trained:
    """What a training gives.

    Attributes
    ----------
    network
        Trained to the end, on the CPU.
    trials
        All that were tried.
    choices
        Scores of all modes.
    rows
        Phase, step, loss and validation measures of every step.
    seconds
        Of every phase, by the clock.
    parameters_before
        Trained numbers before the selection.
    """

    network: Classifier
    trials: tuple[Trial, ...]
    choices: tuple[Choice, ...]
    rows: tuple[dict[str, str], ...]
    seconds: dict[str, float]
    parameters_before: int


def auto_hidden(arch: Architecture, side: int) -> tuple[int, ...]:
    """Return the channels of the convolutions, or widths, for images of a least side in pixels."""
    if arch == "dense":
        return (32,) if side <= _SMALL_SIDE else (64,)
    return (10, 18) if side <= _SMALL_SIDE else (16, 32, 64)


class ClassifierTraining:
    """Trains classifiers into the parts of one run, phase by phase; finished phases of a resumed run are read.

    Parameters
    ----------
    run
        The open run; None on all processes but the first.
    train, val
        Images to train on, and to choose with.
    classes
        Number of classes.
    recipe
        How.
    compute
        Device, precision and seed.
    output
        Where progress is shown.
    """

    def __init__(
        self,
        run: Run | None,
        train: Images,
        val: Images,
        classes: int,
        recipe: TrainingOptions,
        compute: Compute,
        output: Output,
    ) -> None:
        self.run, self.train, self.val, self.classes = run, train, val, classes
        self.recipe, self.compute, self.output = recipe, compute, output
        self._directory = shared_directory(run, cpu=compute.device.type == "cpu")
        self._rows: list[dict[str, str]] = []
        self._seconds: dict[str, float] = {}

    def fit(self) -> Trained:
        """Train a network of the recipe's architecture through all phases."""
        recipe = self.recipe
        network = self._new(recipe.arch)
        before = network.parameter_count()
        everything = together(self.train, self.val)
        if recipe.arch == "cnn" or recipe.select == "none" or len(recipe.pool) == 1:
            self._phase("final", network, everything, recipe.epochs, decay=True)
            return self._trained(network, (), (), before)
        self._phase("full", network, self.train, _FULL * recipe.epochs)
        self._phase("selective", network, self.train, _SELECTIVE * recipe.epochs, hardens=True)
        modes, choices = self._scored(network)
        names = {MIXED: modes, **{space: _all_of(space, modes) for space in recipe.pool}}
        left = recipe.epochs * (1 - _FULL - _SELECTIVE)
        if recipe.select == "gate":
            chosen = narrowed(network, modes)
            self._phase("final", chosen, everything, left, decay=True)
            return self._trained(chosen, (), choices, before)
        tried: dict[str, tuple[Classifier, dict[str, float]]] = {}
        for name, kept in names.items():
            candidate = narrowed(network, kept)
            tried[name] = candidate, self._phase(f"trial {name}", candidate, self.train, _TRIAL * recipe.epochs)
        best = min(tried, key=lambda name: tried[name][1]["nll"])
        trials = tuple(
            Trial(name, net.parameter_count(), measured["accuracy"], measured["nll"], name == best)
            for name, (net, measured) in tried.items()
        )
        chosen = tried[best][0]
        self._phase("final", chosen, everything, left - _TRIAL * recipe.epochs, decay=True)
        kept_modes = names[best]
        listed = [replace(c, kept=kept_modes[c.layer][c.node] == c.mode) for c in choices]
        return self._trained(chosen, trials, listed, before)

    def fit_plain(self) -> tuple[Classifier, float]:
        """Train the ordinary network of the same shape for as many epochs; return it and the seconds it took."""
        network = self._new("cnn")
        self._phase("cnn", network, together(self.train, self.val), self.recipe.epochs, decay=True)
        return network.cpu().eval(), self._seconds.pop("cnn")

    def _new(self, arch: Architecture) -> Classifier:
        recipe = self.recipe
        shape = self.train.pixels.shape
        plan = plan_classifier(
            arch,
            (shape[3], shape[1], shape[2]),
            self.classes,
            recipe.hidden or auto_hidden(arch, min(shape[1:3])),
            recipe.pool,
            grid=recipe.grid,
            level=recipe.level,
        )
        network = Classifier(plan, torch.Generator().manual_seed(self.compute.seed))
        sample = self.train.pixels[:: max(1, len(self.train) // _SCORED_IMAGES)]
        network.normalise(as_images(sample, torch.device("cpu")))
        return network

    def _phase(
        self,
        name: str,
        network: Classifier,
        images: Images,
        epochs: float,
        *,
        decay: bool = False,
        hardens: bool = False,
    ) -> dict[str, float]:
        """Train a network in place for some epochs; return what it then measures on the validation images."""
        recipe, device = self.recipe, self.compute.device
        size = min(recipe.batch_size, len(images))
        steps = max(1, round(epochs * len(images) / size))
        schedule = Schedule(
            steps,
            size,
            recipe.learning_rate,
            decay=decay,
            warm_up=max(1, round(_WARM_UP_SHARE * steps)),
            weight_decay=recipe.weight_decay,
            validate_every=max(1, round(len(images) / size)),
            save_every=max(1, round(len(images) / size)),
            precision=self.compute.precision,
            seed=self.compute.seed,
        )
        place = f"{PHASES}/{name.replace(' ', '-')}"

        options = {"phase": name, "steps": steps}
        with open_shared_part(
            self.run, place, command="kan-fit classify", options=options, cpu=device.type == "cpu"
        ) as shared:
            if not shared.done:
                task = ClassifierTask(
                    network, images, self.val, schedule, device, augment=recipe.augment, hardens=hardens
                )
                progress = fit(
                    shared.run, task, schedule, samples=None, compute=self.compute, output=self.output, title=name
                )
                if shared.run is not None:
                    shared.run.write_metrics({key[4:]: v for key, v in progress.rows[-1].items() if key[:4] == "val_"})
                    shared.run.finish()
        directory = self._directory / place
        network.load_state_dict(load_file(directory / LAST))
        network.set_gates(tau=1.0, is_hard=False)
        self._remember(name, directory)
        return {key: float(value) for key, value in read_metrics(directory).items() if isinstance(value, float)}

    def _remember(self, name: str, directory: Path) -> None:
        with (directory / HISTORY).open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        self._seconds[name] = sum(float(row.pop("seconds")) for row in rows)
        self._rows += [{"phase": name, **row} for row in rows]

    def _scored(self, network: Classifier) -> tuple[tuple[tuple[str, ...], ...], list[Choice]]:
        """Mode of every node that contributes most, layer by layer, and the scores of all."""
        images = as_images(self.train.pixels[:: max(1, len(self.train) // _SCORED_IMAGES)], self.compute.device)
        network.to(self.compute.device).eval()
        found: list[tuple[str, ...]] = []
        choices: list[Choice] = []
        taken: dict[int, torch.Tensor] = {}

        def take(number: int) -> Callable[[nn.Module, tuple[torch.Tensor, ...]], None]:
            return lambda _module, inputs: taken.update({number: inputs[0]})

        hooks = [layer.register_forward_pre_hook(take(n)) for n, layer in enumerate(network.expansions())]
        with torch.no_grad():
            network(images)
            for number, layer in enumerate(network.expansions()):
                assert isinstance(layer, SKANConv2d | SKANLayer)
                scores = layer.contributions(taken[number]).cpu().numpy()
                gates = layer.gates().mean(1).cpu().numpy()
                best = (scores.sum(axis=0, keepdims=True) if self.recipe.level == "layer" else scores).argmax(axis=1)
                best = np.broadcast_to(best, len(scores))
                found.append(tuple(layer.plan.pool[mode] for mode in best))
                choices += [
                    Choice(
                        number,
                        node,
                        name,
                        float(gates[node, mode]),
                        float(scores[node, mode]),
                        bool(mode == best[node]),
                    )
                    for node in range(layer.plan.inputs)
                    for mode, name in enumerate(layer.plan.pool)
                ]
        for hook in hooks:
            hook.remove()
        return tuple(found), choices

    def _trained(self, network: Classifier, trials: Sequence[Trial], choices: Sequence[Choice], before: int) -> Trained:
        rows, seconds = tuple(self._rows), dict(self._seconds)
        self._rows.clear()
        return Trained(network.cpu().eval(), tuple(trials), tuple(choices), rows, seconds, before)


def _all_of(space: str, modes: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple((space,) * len(layer) for layer in modes)


def together(first: Images, second: Images) -> Images:
    """Join images of one shape."""
    return Images(
        np.concatenate([first.pixels, second.pixels]),
        np.concatenate([first.labels, second.labels]),
        (*first.names, *second.names),
    )
