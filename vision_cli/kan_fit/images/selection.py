"""Training of a classifier whose nodes select their spaces: the paper's phases, and short trials of the candidates.

In full training every node has every space; in selective training the gates are hard. Then the network of the modes
that contribute most, and one network for each single space, are trained for a short trial. The one with the least
negative log-likelihood on the validation images is trained to the end, on these images too. Before
all this, two small networks choose whether the images are shifted (`vision_cli.kan_fit.images.augmentation`).
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
from vision_cli.kan_fit.images.augmentation import AugmentationTrial, likelihood_gain, probe_images, reduced_images
from vision_cli.kan_fit.images.data import Images
from vision_cli.kan_fit.images.splits import concatenate_images
from vision_cli.kan_fit.images.training import ClassifierTask, as_images, predict_logits
from vision_cli.kan_fit.names import Architecture, Augmentation
from vision_cli.kan_fit.networks.classifiers import Classifier, plan_classifier, select_modes
from vision_cli.kan_fit.networks.conv import SKANConv2d
from vision_cli.kan_fit.networks.dense import SKANLayer
from vision_cli.kan_fit.options import TrainingOptions

PHASES = "phases"
_FULL, _SELECTIVE, _TRIAL = 0.15, 0.1, 0.1
_WARM_UP_SHARE = 0.05
_SCORED_IMAGES = 256
_SMALL_SIDE = 16
MIXED = "mixed"
_PROBE_SPACE = "bspline"
_PROBE_SHARE, _PROBE_SHARE_WITHOUT_TRIALS = 0.13, 0.07
"""Shares of the training images for each probe of an augmentation, at full size: both take a seventh of all time."""


@dataclass(frozen=True)
class Trial:
    """A candidate network after its trial.

    Attributes
    ----------
    name
        ``mixed``, or the single space of all its nodes.
    parameters
        Number of parameters.
    val_accuracy, val_nll
        Accuracy, and mean negative log-likelihood in nats, on the validation images after the trial.
    kept
        Whether it was chosen.
    """

    name: str
    parameters: int
    val_accuracy: float
    val_nll: float
    kept: bool


@dataclass(frozen=True)
class ModeScore:
    """A mode of a node with its gate and the variance that it contributes, after selective training."""

    layer: int
    node: int
    mode: str
    gate: float
    contribution: float
    kept: bool


@dataclass(frozen=True)
class TrainingResult:
    """A trained classifier and how it was selected.

    Attributes
    ----------
    network
        The trained network, on the CPU.
    trials
        The candidates.
    choices
        All modes of all nodes.
    rows
        Phase, step, loss and validation measures of each step.
    seconds
        Wall-clock time of each phase.
    parameters_before
        Number of parameters before the selection.
    augment
        Augmentation of the final training.
    augmentation_trials
        The short trainings that it was chosen by; empty where it was given.
    """

    network: Classifier
    trials: tuple[Trial, ...]
    choices: tuple[ModeScore, ...]
    rows: tuple[dict[str, str], ...]
    seconds: dict[str, float]
    parameters_before: int
    augment: Augmentation = "none"
    augmentation_trials: tuple[AugmentationTrial, ...] = ()


def auto_hidden(arch: Architecture, side: int) -> tuple[int, ...]:
    """Return the channels of the convolutions, or hidden widths, for images whose shorter side is ``side`` pixels."""
    if arch == "dense":
        return (32,) if side <= _SMALL_SIDE else (64,)
    return (10, 18) if side <= _SMALL_SIDE else (16, 32, 64)


class ClassifierTraining:
    """Training of classifiers in one run, phase by phase; a resumed run reads its finished phases.

    Parameters
    ----------
    run
        The open run; None on all processes but the first.
    train, val
        Training and validation images.
    classes
        Number of classes.
    recipe
        Architecture, selection and optimisation.
    compute
        Device, precision and seed.
    output
        Shows the progress.
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
        self._augment: Augmentation = "none" if recipe.augment == "auto" else recipe.augment
        self._augmentation_trials: list[AugmentationTrial] = []

    def fit(self) -> TrainingResult:
        """Train a network of the recipe's architecture through all phases; return it."""
        recipe = self.recipe
        if recipe.augment == "auto":
            self._choose_augmentation()
        network = self._build(recipe.arch)
        before = network.parameter_count()
        everything = concatenate_images(self.train, self.val)
        if recipe.arch == "cnn" or recipe.select == "none" or len(recipe.pool) == 1:
            self._train_phase("final", network, everything, recipe.epochs, decay=True)
            return self._result(network, (), (), before)
        self._train_phase("full", network, self.train, _FULL * recipe.epochs)
        self._train_phase("selective", network, self.train, _SELECTIVE * recipe.epochs, hard_gates=True)
        modes, choices = self._score_modes(network)
        names = {MIXED: modes, **{space: _all_of(space, modes) for space in recipe.pool}}
        left = recipe.epochs * (1 - _FULL - _SELECTIVE)
        if recipe.select == "gate":
            chosen = select_modes(network, modes)
            self._train_phase("final", chosen, everything, left, decay=True)
            return self._result(chosen, (), choices, before)
        tried: dict[str, tuple[Classifier, dict[str, float]]] = {}
        for name, kept in names.items():
            candidate = select_modes(network, kept)
            tried[name] = candidate, self._train_phase(f"trial {name}", candidate, self.train, _TRIAL * recipe.epochs)
        best = min(tried, key=lambda name: tried[name][1]["nll"])
        trials = tuple(
            Trial(name, net.parameter_count(), measured["accuracy"], measured["nll"], name == best)
            for name, (net, measured) in tried.items()
        )
        chosen = tried[best][0]
        self._train_phase("final", chosen, everything, left - _TRIAL * recipe.epochs, decay=True)
        kept_modes = names[best]
        listed = [replace(c, kept=kept_modes[c.layer][c.node] == c.mode) for c in choices]
        return self._result(chosen, trials, listed, before)

    def fit_cnn(self) -> tuple[Classifier, float]:
        """Train an ordinary CNN of the same shape for as many epochs; return it and the seconds it took."""
        network = self._build("cnn")
        self._train_phase("cnn", network, concatenate_images(self.train, self.val), self.recipe.epochs, decay=True)
        return network.cpu().eval(), self._seconds.pop("cnn")

    def _choose_augmentation(self) -> None:
        """Train a small network with and without shifted images; augment as the better one from then on."""
        recipe, device = self.recipe, self.compute.device
        has_trials = recipe.arch != "cnn" and recipe.select == "validated" and len(recipe.pool) > 1
        share = _PROBE_SHARE if has_trials else _PROBE_SHARE_WITHOUT_TRIALS
        train, val = probe_images(self.train, share, self.compute.seed), reduced_images(self.val)
        pool = (_PROBE_SPACE if _PROBE_SPACE in recipe.pool else recipe.pool[0],)
        measured, logits = [], []
        for augment in ("none", "shift"):
            self._augment = augment
            network = self._build(recipe.arch, train, pool)
            found = self._train_phase(f"probe {augment}", network, train, recipe.epochs, decay=True, val=val)
            measured.append(found)
            logits.append(predict_logits(network.to(device), val, device))
        gain, error = likelihood_gain(logits[0], logits[1], torch.from_numpy(val.labels))
        self._augment = "shift" if gain > error else "none"
        self._augmentation_trials = [
            AugmentationTrial("none", measured[0]["accuracy"], measured[0]["nll"], None, None, gain <= error),
            AugmentationTrial("shift", measured[1]["accuracy"], measured[1]["nll"], gain, error, gain > error),
        ]

    def _build(self, arch: Architecture, images: Images | None = None, pool: Sequence[str] | None = None) -> Classifier:
        recipe = self.recipe
        images = self.train if images is None else images
        shape = images.pixels.shape
        plan = plan_classifier(
            arch,
            (shape[3], shape[1], shape[2]),
            self.classes,
            recipe.hidden or auto_hidden(arch, min(self.train.pixels.shape[1:3])),
            recipe.pool if pool is None else pool,
            grid=recipe.grid,
            level=recipe.level,
        )
        network = Classifier(plan, torch.Generator().manual_seed(self.compute.seed))
        sample = images.pixels[:: max(1, len(images) // _SCORED_IMAGES)]
        network.normalise(as_images(sample, torch.device("cpu")))
        return network

    def _train_phase(
        self,
        name: str,
        network: Classifier,
        images: Images,
        epochs: float,
        *,
        decay: bool = False,
        hard_gates: bool = False,
        val: Images | None = None,
    ) -> dict[str, float]:
        """Train a network in place for some epochs; return its measures on the validation images."""
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
                    network, images, val or self.val, schedule, device, augment=self._augment, hard_gates=hard_gates
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
        self._record_history(name, directory)
        return {key: float(value) for key, value in read_metrics(directory).items() if isinstance(value, float)}

    def _record_history(self, name: str, directory: Path) -> None:
        with (directory / HISTORY).open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        self._seconds[name] = sum(float(row.pop("seconds")) for row in rows)
        self._rows += [{"phase": name, **row} for row in rows]

    def _score_modes(self, network: Classifier) -> tuple[tuple[tuple[str, ...], ...], list[ModeScore]]:
        """Return the mode that contributes most at each node, layer by layer, and the scores of all modes."""
        images = as_images(self.train.pixels[:: max(1, len(self.train) // _SCORED_IMAGES)], self.compute.device)
        network.to(self.compute.device).eval()
        found: list[tuple[str, ...]] = []
        choices: list[ModeScore] = []
        layer_inputs: dict[int, torch.Tensor] = {}

        def record(number: int) -> Callable[[nn.Module, tuple[torch.Tensor, ...]], None]:
            return lambda _module, inputs: layer_inputs.update({number: inputs[0]})

        hooks = [layer.register_forward_pre_hook(record(n)) for n, layer in enumerate(network.expansions())]
        with torch.no_grad():
            network(images)
            for number, layer in enumerate(network.expansions()):
                assert isinstance(layer, SKANConv2d | SKANLayer)
                scores = layer.contributions(layer_inputs[number]).cpu().numpy()
                gates = layer.gates().mean(1).cpu().numpy()
                best = (scores.sum(axis=0, keepdims=True) if self.recipe.level == "layer" else scores).argmax(axis=1)
                best = np.broadcast_to(best, len(scores))
                found.append(tuple(layer.plan.pool[mode] for mode in best))
                choices += [
                    ModeScore(
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

    def _result(
        self, network: Classifier, trials: Sequence[Trial], choices: Sequence[ModeScore], before: int
    ) -> TrainingResult:
        rows, seconds = tuple(self._rows), dict(self._seconds)
        self._rows.clear()
        return TrainingResult(
            network.cpu().eval(),
            tuple(trials),
            tuple(choices),
            rows,
            seconds,
            before,
            self._augment,
            tuple(self._augmentation_trials),
        )


def _all_of(space: str, modes: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple((space,) * len(layer) for layer in modes)
