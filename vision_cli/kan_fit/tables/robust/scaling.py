"""Scaling of heavy-tailed inputs, chosen by validation and kept with the model.

On a column such as income most rows share a small part of the range, and the functions of a network are hardly
determined in the rest. A logarithm, or an inverse hyperbolic sine where values are not all positive, spreads them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vision_cli.kan_fit.networks.dense import SKAN, plan_network, project_network
from vision_cli.kan_fit.tables.robust.roughness import roughness_forms

Array = NDArray[np.float64]
ScalingKind = Literal["identity", "log", "asinh"]

_HEAVY = 4.0
"""Range of a heavy-tailed column over the range of its middle 90 %; a Gaussian column of 1,000 rows has 2."""

_FEWEST_VALUES, _MOST_TRIED = 20, 8
_LEAST_OF_LOWEST = 1e-3
_ROUGHNESS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
_GRID, _SLOPE, _SPACE = 5, 1e-4, "bspline"
_CLEARLY_BETTER = 0.98


@dataclass(frozen=True)
class Scaling:
    """A function applied to an input before the network.

    Attributes
    ----------
    kind
        ``identity``; ``log``, log(x); or ``asinh``, asinh((x - center) / width).
    center, width
        Of ``asinh``. For ``log``, ``width`` is the least value that the logarithm is taken of.
    """

    kind: ScalingKind = "identity"
    center: float = 0.0
    width: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in get_args(ScalingKind) or not self.width > 0 or not math.isfinite(self.center + self.width):
            raise ValueError(f"{self} is no scaling")

    def __call__(self, values: Array) -> Array:
        """Return scaled values of the same shape."""
        if self.kind == "identity":
            return values
        if self.kind == "log":
            return np.asarray(np.log(np.maximum(values, self.width)))
        return np.asarray(np.arcsinh((values - self.center) / self.width))

    def tensor(self, values: Tensor) -> Tensor:
        """Return scaled values, by operations that exporters know."""
        if self.kind == "identity":
            return values
        if self.kind == "log":
            return values.clamp(min=self.width).log()
        t = (values - self.center) / self.width
        # The exporter to ONNX lacks asinh in float64.
        return t.sign() * torch.log(t.abs() + torch.sqrt(t * t + 1))

    def expression(self, symbol: Any) -> Any:
        """Return the scaled value of a SymPy symbol."""
        import sympy

        if self.kind == "identity":
            return symbol
        if self.kind == "log":
            return sympy.log(symbol)
        return sympy.asinh((symbol - sympy.Float(self.center)) / sympy.Float(self.width))

    def label(self, name: str) -> str:
        """Return the name of the scaled input for figures."""
        return name if self.kind == "identity" else f"{self.kind}({name})"


IDENTITY = Scaling()


def scaled(inputs: Array, scalings: Sequence[Scaling]) -> Array:
    """Return inputs ``(N, inputs)`` with the scaling of each column applied."""
    if all(one.kind == "identity" for one in scalings):
        return inputs
    return np.column_stack([one(column) for one, column in zip(scalings, inputs.T, strict=True)])


def heavy_tail_scaling(values: Array) -> Scaling:
    """Return the scaling of a column ``(N,)``; the identity unless its range is far wider than its middle 90 %."""
    low, first, middle, third, high = np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95))
    lowest, highest = float(values.min()), float(values.max())
    if len(np.unique(values)) < _FEWEST_VALUES or not highest - lowest > _HEAVY * (high - low):
        return IDENTITY
    if lowest > 0:
        return Scaling("log", 0.0, lowest * _LEAST_OF_LOWEST)
    width = float(third - first) or float(np.abs(values - middle).mean())
    return Scaling("asinh", float(middle), width) if width > 0 else IDENTITY


def choose_scalings(inputs: Array, target: Array, held_inputs: Array, held_target: Array) -> tuple[Scaling, ...]:
    """Return the scaling of each input, by the error of smooth sums of functions on held-out rows.

    Parameters
    ----------
    inputs, target
        Training rows, ``(N, inputs)`` and ``(N,)``.
    held_inputs, held_target
        Held-out rows, with rows outside the range of the others.
    """
    proposed = [heavy_tail_scaling(column) for column in inputs.T]
    heavy = [n for n, one in enumerate(proposed) if one.kind != "identity"]
    plain = (IDENTITY,) * len(proposed)
    if not heavy:
        return plain

    def error(scalings: Sequence[Scaling]) -> float:
        return _smooth_sum_error(scaled(inputs, scalings), target, scaled(held_inputs, scalings), held_target)

    best, least = tuple(proposed), error(proposed)
    if (other := error(plain)) < _CLEARLY_BETTER * least:
        best, least = plain, other
    for n in heavy[:_MOST_TRIED]:
        flipped = tuple(
            (proposed[n] if one.kind == "identity" else IDENTITY) if place == n else one
            for place, one in enumerate(best)
        )
        if (found := error(flipped)) < _CLEARLY_BETTER * least:
            best, least = flipped, found
    return best


@torch.no_grad()
def _smooth_sum_error(inputs: Array, target: Array, held_inputs: Array, held_target: Array) -> float:
    """Return the least mean squared error on held-out rows of penalised sums of functions of the inputs."""
    x = torch.from_numpy(np.ascontiguousarray(inputs))
    layer = project_network(SKAN(plan_network((x.shape[1], 1), (_SPACE,), grid=_GRID)).to(x), x).each_layer()[0]
    rough, slope = roughness_forms(layer)
    features = layer.features(x)
    held = layer.features(torch.from_numpy(np.ascontiguousarray(held_inputs)))
    y = torch.from_numpy(target)
    center, spread = features.mean(0), float(y.std())
    normal = (features - center).T @ (features - center) / len(x)
    moment = (features - center).T @ (y - y.mean()) / len(x)
    errors = []
    for weight in _ROUGHNESS:
        form = normal + weight * rough + _SLOPE * slope
        form.diagonal().add_(1e-10)
        predicted = (held - center) @ torch.linalg.solve(form, moment) + y.mean()
        errors.append(float(((predicted - torch.from_numpy(held_target)) / spread).square().mean()))
    return min(errors)
