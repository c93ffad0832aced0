"""Figures of a fit: network with the function of each edge, single edges, predictions, history, comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from vision_cli.core.escapes import picture_text
from vision_cli.figures.charts import new_chart, new_figure, quiet
from vision_cli.figures.saving import save_figure
from vision_cli.figures.style import CHART, COLOURS

if TYPE_CHECKING:
    from vision_cli.kan_fit.networks.dense import SKANLayer
    from vision_cli.kan_fit.tables.candidates import Candidate
    from vision_cli.kan_fit.tables.files import TableModel

Array = NDArray[np.float64]

_ROWS = 2000
_MOST_CANDIDATES = 8
_MOST_NAMED = 24
_LONGEST_NAME = 40


def network(path: Path, model: TableModel, inputs: Array) -> None:
    """Draw the network from its inputs at the bottom to its output at the top, each edge with its function.

    Parameters
    ----------
    path
        An SVG or PNG file.
    model
        A fitted model.
    inputs
        Of the network, scaled, ``(N, inputs)``, for the ranges of the edges and the strengths of their lines.
    """
    net = model.network
    layers = net.each_layer()
    x = torch.from_numpy(inputs[:_ROWS])
    with torch.no_grad():
        observed = net.layer_inputs(x)
    spreads = [spread.numpy() for spread in net.edge_spreads(x)]
    drawn = [[(i, j) for i in range(s.shape[0]) for j in range(s.shape[1]) if s[i, j] > 0] for s in spreads]
    widest = max(1, *map(len, drawn), *net.widths)
    names = {
        mode: COLOURS[n % len(COLOURS)] for n, mode in enumerate(dict.fromkeys(m for p in net.plans for m in p.pool))
    }
    figure, axes = new_chart(max(4.5, 1.05 * widest), 2.1 * len(layers) + 1.1)
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.25, len(layers) + 0.3)
    places = [np.linspace(0, 1, width + 2)[1:-1] for width in net.widths]
    for number, (layer, edges) in enumerate(zip(layers, drawn, strict=True)):
        strongest = max(float(spreads[number].max()), 1e-30)
        slots = dict(zip(edges, np.linspace(0, 1, len(edges) + 2)[1:-1], strict=True))
        half = min(0.4 / (len(edges) + 1), 0.075)
        for (i, j), slot in slots.items():
            alpha = 0.25 + 0.75 * float(spreads[number][i, j]) / strongest
            axes.plot([places[number][i], slot], [number, number + 0.34], color=CHART.line, linewidth=1, zorder=1)
            above = [number + 0.66, number + 1]
            axes.plot([slot, places[number + 1][j]], above, color=CHART.line, linewidth=1, zorder=1)
            box = axes.inset_axes((slot - half, number + 0.34, 2 * half, 0.32), transform=axes.transData)
            points, values = layer.edge_curve(observed[number], i, j)
            box.plot(points, values, color=names[layer.plan.modes[i][0]], linewidth=1.6, alpha=alpha)
            box.set_xticks([])
            box.set_yticks([])
            for spine in box.spines.values():
                spine.set_color(CHART.line)
    for number, row in enumerate(places):
        axes.scatter(row, [number] * len(row), s=26, color=CHART.ink, zorder=2)
    if len(model.input_labels) <= _MOST_NAMED:
        for place, name in zip(places[0], model.input_labels, strict=True):
            axes.text(
                place, -0.09, picture_text(name, _LONGEST_NAME), ha="center", va="top", color=CHART.ink, fontsize=9
            )
    target = picture_text(model.target, _LONGEST_NAME)
    axes.text(places[-1][0], len(layers) + 0.08, target, ha="center", va="bottom", color=CHART.ink, fontsize=9)
    handles = [axes.plot([], [], color=colour, label=name)[0] for name, colour in names.items()]
    figure.legend(handles=handles, loc="lower right", ncols=len(handles), frameon=False, fontsize=8, title=None)
    save_figure(figure, path)


def edge(path: Path, layer: SKANLayer, layer_inputs: torch.Tensor, node: int, output: int, title: str) -> None:
    """Draw the function of one edge over the observed range of its node.

    Parameters
    ----------
    path
        An SVG or PNG file.
    layer
        Layer of the edge.
    layer_inputs
        Inputs of the layer, ``(N, inputs)``.
    node, output
        The edge.
    title
        Title of the figure.
    """
    figure, axes = new_chart(4.2, 3.0)
    points, values = layer.edge_curve(layer_inputs, node, output)
    axes.plot(points, values, color=COLOURS[0], linewidth=2)
    reached = layer_inputs[:_ROWS, node].numpy()
    axes.plot(reached, np.full(len(reached), values.min() - 0.06 * np.ptp(values)), "|", color=CHART.faint, alpha=0.15)
    axes.set_title(picture_text(title), loc="left", fontsize=10, color=CHART.ink)
    axes.set_xlabel("what reaches the edge")
    axes.set_ylabel("what it gives")
    save_figure(figure, path)


def agreement(path: Path, predicted: Array, target: Array, name: str) -> None:
    """Draw predicted against true values, and a histogram of the errors.

    Parameters
    ----------
    path
        A PNG file.
    predicted, target
        ``(N,)``.
    name
        Name of the target.
    """
    figure = new_figure(8.5, 3.6)
    left, right = figure.subplots(1, 2)
    shown = slice(None, None, max(1, len(target) // _ROWS))
    ends = [min(target.min(), predicted.min()), max(target.max(), predicted.max())]
    left.plot(ends, ends, color=CHART.line, linewidth=1)
    left.plot(target[shown], predicted[shown], ".", color=COLOURS[0], markersize=3, alpha=0.5)
    left.set_xlabel(f"{picture_text(name, _LONGEST_NAME)}, test data")
    left.set_ylabel("predicted")
    errors = predicted - target
    # Errors that differ in their last digits only leave no room for bins.
    is_one = np.ptp(errors) < 1e-9 * np.abs(errors).max()
    right.hist(errors, bins=1 if is_one else 60, color=COLOURS[0])
    right.set_xlabel("error")
    right.set_ylabel("rows")
    for axes in (left, right):
        quiet(axes)
    save_figure(figure, path)


def history(path: Path, candidates: Sequence[Candidate], scale: float) -> None:
    """Draw the validation error of the best candidates over their steps.

    Parameters
    ----------
    path
        A PNG file.
    candidates
        The candidates with their histories.
    scale
        Standard deviation of the target, by which errors are multiplied.
    """
    figure, axes = new_chart(8.5, 3.6)
    ranked = sorted(candidates, key=lambda candidate: candidate.score)[:_MOST_CANDIDATES]
    for number, candidate in enumerate(ranked):
        values = [step.val * scale for step in candidate.steps]
        if values:
            axes.plot(values, color=COLOURS[number % len(COLOURS)], linewidth=1.4, label=picture_text(candidate.name))
    axes.set_yscale("log")
    axes.set_xlabel("step")
    axes.set_ylabel("validation RMSE")
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    save_figure(figure, path)


def comparison(path: Path, scores: Sequence[tuple[str, float]]) -> None:
    """Draw test errors as bars on a logarithmic scale.

    Parameters
    ----------
    path
        A PNG file.
    scores
        Names and errors; the first is highlighted.
    """
    figure, axes = new_chart(8.5, 0.5 * len(scores) + 1.0)
    values = [max(value, 1e-300) for _, value in scores]
    axes.barh(range(len(scores)), values, color=[COLOURS[0], *[CHART.faint] * (len(scores) - 1)], height=0.6)
    axes.set_yticks(range(len(scores)), [picture_text(name) for name, _ in scores])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlim(min(values) / 3, max(values) * 4)
    for place, value in enumerate(values):
        axes.text(value * 1.1, place, f"{value:.2g}", va="center", fontsize=9, color=CHART.ink)
    axes.set_xlabel("test RMSE (logarithmic)")
    save_figure(figure, path)


def methods_by_problem(path: Path, errors: Mapping[str, Mapping[str, float]], unit: str) -> None:
    """Draw the errors of several methods on several problems, one row a problem and one point a method.

    Parameters
    ----------
    path
        A PNG file.
    errors
        Errors by method, then by problem.
    unit
        Label of the axis of errors.
    """
    problems = list(dict.fromkeys(problem for found in errors.values() for problem in found))
    figure, axes = new_chart(8.5, 0.36 * len(problems) + 1.2)
    for place in range(len(problems)):
        axes.axhline(place, color=CHART.line, linewidth=0.8, zorder=0)
    for number, (method, found) in enumerate(errors.items()):
        places = [problems.index(problem) for problem in found]
        size = 9 if number == 0 else 6
        axes.plot(
            [*found.values()],
            places,
            "o",
            color=COLOURS[number % len(COLOURS)],
            markersize=size,
            label=picture_text(method),
        )
    axes.set_yticks(range(len(problems)), [picture_text(problem) for problem in problems])
    axes.invert_yaxis()
    if any(value > 0 for found in errors.values() for value in found.values()) and "rate" not in unit:
        axes.set_xscale("log")
    axes.set_xlabel(picture_text(unit))
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    save_figure(figure, path)
