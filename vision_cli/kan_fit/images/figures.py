"""Figures of a classifier: confusion matrix, training curves, most confident mistakes, learned functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vision_cli.core.escapes import picture_text
from vision_cli.figures.charts import new_chart, new_figure
from vision_cli.figures.saving import save_figure
from vision_cli.figures.style import CHART, COLOURS
from vision_cli.kan_fit.images.data import Images
from vision_cli.kan_fit.networks.classifiers import Classifier
from vision_cli.kan_fit.networks.conv import SKANConv2d
from vision_cli.kan_fit.networks.dense import SKANLayer

_MOST_NUMBERS = 20
_MISTAKES = 16
_FUNCTIONS = 24
_POINTS = 200
_LONGEST_NAME = 24


def confusion(path: Path, counts: NDArray[np.int64], classes: Sequence[str]) -> None:
    """Draw a confusion matrix, true by predicted class, ``(classes, classes)``."""
    side = max(3.6, 0.42 * len(classes) + 1.6)
    figure, axes = new_chart(side + 0.6, side)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(classes) <= _MOST_NUMBERS:
        names = [picture_text(name, _LONGEST_NAME) for name in classes]
        axes.set_xticks(range(len(classes)), names, rotation=90)
        axes.set_yticks(range(len(classes)), names)
        for row, column in zip(*np.nonzero(counts), strict=True):
            colour = "white" if shares[row, column] > 0.5 else CHART.ink
            axes.text(column, row, counts[row, column], ha="center", va="center", fontsize=8, color=colour)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    save_figure(figure, path)


def training(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Draw loss and validation accuracy over the steps of all phases."""
    figure = new_figure(8.5, 3.4)
    left, right = figure.subplots(1, 2)
    start = 0
    for number, phase in enumerate(dict.fromkeys(row["phase"] for row in rows)):
        own = [row for row in rows if row["phase"] == phase]
        steps = start + np.arange(1, len(own) + 1)
        colour = COLOURS[number % len(COLOURS)]
        left.plot(steps, [float(row["loss"]) for row in own], color=colour, linewidth=0.8)
        measured = [
            (step, float(row["val_accuracy"])) for step, row in zip(steps, own, strict=True) if row.get("val_accuracy")
        ]
        if measured and phase != "final":
            right.plot(
                *zip(*measured, strict=True), ".-", color=colour, linewidth=1, markersize=4, label=picture_text(phase)
            )
        start += len(own)
    left.set_yscale("log")
    left.set_ylabel("loss, nats")
    right.set_ylabel("validation accuracy")
    if right.lines:
        right.legend(frameon=False, fontsize=8)
    for axes in (left, right):
        axes.set_xlabel("step")
        axes.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path)


def mistakes(path: Path, images: Images, probabilities: NDArray[np.float64], classes: Sequence[str]) -> None:
    """Draw the test images with the most confident wrong predictions."""
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != images.labels)
    confident = wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")][:_MISTAKES]
    columns = 8
    rows = max(1, -(-len(confident) // columns))
    figure = new_figure(8.5, 1.5 * rows)
    for place, axes in enumerate(np.ravel(figure.subplots(rows, columns))):
        axes.set_axis_off()
        if place < len(confident):
            row = confident[place]
            axes.imshow(images.pixels[row].squeeze(), cmap="gray", vmin=0, vmax=255)
            wrong_class, true = (
                picture_text(classes[number], _LONGEST_NAME) for number in (predicted[row], images.labels[row])
            )
            title = f"{wrong_class} {probabilities[row].max():.0%}\n({true})"
            axes.set_title(title, fontsize=7, color=CHART.ink)
    save_figure(figure, path)


@torch.no_grad()
def functions(path: Path, network: Classifier) -> None:
    """Draw the functions of the nodes that vary most, from all layers.

    Each panel shows the functions of one node towards the three outputs where they vary most, over the node's range.
    """
    drawn = []
    for number, layer in enumerate(network.expansions()):
        if not isinstance(layer, SKANConv2d | SKANLayer):
            continue
        u = torch.linspace(-1, 1, _POINTS).unsqueeze(1).expand(-1, layer.plan.inputs)
        columns, weight = layer.functions(u), layer.effective_weight().flatten(1)
        for node in range(layer.plan.inputs):
            own = layer.node == node
            values = columns[:, own] @ weight[own]
            values = values - values.mean(0)
            strongest = values.std(0).argsort(descending=True)[:3]
            drawn.append((float(values.std(0).max()), number, node, layer.plan.modes[node], values[:, strongest]))
    chosen = sorted(sorted(drawn, key=lambda one: -one[0])[:_FUNCTIONS], key=lambda one: one[1:3])
    columns_drawn = 6
    rows = -(-len(chosen) // columns_drawn)
    figure = new_figure(8.5, 1.35 * rows)
    panels = np.ravel(figure.subplots(rows, columns_drawn))
    points = np.linspace(-1, 1, _POINTS)
    for axes in panels[len(chosen) :]:
        axes.set_axis_off()
    for axes, (_, number, node, modes, values) in zip(panels, chosen, strict=False):
        for place in range(values.shape[1]):
            axes.plot(points, values[:, place].numpy(), color=COLOURS[place], linewidth=1)
        axes.set_title(f"layer {number + 1}, {node + 1}: {'+'.join(modes)}", fontsize=6, color=CHART.ink)
        axes.tick_params(labelsize=5, colors=CHART.faint)
        axes.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path)
