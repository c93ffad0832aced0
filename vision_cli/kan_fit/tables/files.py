"""Fitted models of tables on disk: architecture and encoding in ``model.json``, parameters in ``model.safetensors``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save

from vision_cli.core.errors import InputError, NumericalError
from vision_cli.core.runs.files import json_text
from vision_cli.core.runs.runs import Run
from vision_cli.kan_fit.networks.dense import SKAN
from vision_cli.kan_fit.networks.expansion import LayerPlan
from vision_cli.kan_fit.networks.spaces import SPACES
from vision_cli.kan_fit.tables.data import Column

DESCRIPTION, NUMBERS, SAMPLE = "model.json", "model.safetensors", "sample.safetensors"
_KIND = "kan-fit table"
_LEAST_RESIDUALS = 10


@dataclass(frozen=True)
class TableModel:
    """A fitted network with the encoding of its table.

    Attributes
    ----------
    network
        In float64; its target has mean 0 and standard deviation 1.
    columns
        Feature columns of the table.
    names
        Names of the network's inputs: columns, and categories of text columns.
    target
        Name of the predicted column.
    mean, scale
        A prediction is the network's output times ``scale`` plus ``mean``.
    lowest, highest
        Range of each input in the training data, ``(inputs,)``.
    residuals
        Absolute validation residuals, ascending, for conformal intervals.
    sample_inputs, sample_target
        A sample of the training rows, ``(n, inputs)`` and ``(n,)``, for explanations.
    """

    network: SKAN
    columns: tuple[Column, ...]
    names: tuple[str, ...]
    target: str
    mean: float
    scale: float
    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]
    residuals: NDArray[np.float64]
    sample_inputs: NDArray[np.float64]
    sample_target: NDArray[np.float64]

    def predict(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the predictions in the target's unit, ``(N, inputs)`` to ``(N,)``.

        Raises
        ------
        NumericalError
            If a prediction is not finite.
        """
        found = self.network.predict(torch.from_numpy(inputs))[:, 0].numpy() * self.scale + self.mean
        if not np.isfinite(found).all():
            raise NumericalError(
                "a prediction is not finite; finite values expected.", hint="Check the size of the inputs."
            )
        return np.asarray(found)

    def is_outside(self, inputs: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which rows have an input outside the range of the training data, ``(N,)``."""
        return np.asarray(((inputs < self.lowest) | (inputs > self.highest)).any(axis=1))

    def half_width(self, level: float) -> float:
        """Return half the width of the split-conformal interval of a level (Lei et al. 2018, algorithm 2).

        Raises
        ------
        InputError
            If the fit had too few validation rows for the level.
        """
        count = len(self.residuals)
        place = int(np.ceil(level * (count + 1)))
        if count < _LEAST_RESIDUALS or place > count:
            needed = max(_LEAST_RESIDUALS, int(np.ceil(level / (1 - level) - 1e-6)))
            raise InputError(
                f"{count} validation rows found; {needed} or more expected for intervals of {level:g}.",
                hint="Fit with more rows or a larger --val-fraction, or ask for a lower --interval.",
            )
        return float(self.residuals[place - 1])


def network_bytes(network: SKAN) -> bytes:
    """Return the parameters of a network as safetensors."""
    return save({name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()})


def describe_plans(plans: Sequence[LayerPlan]) -> list[dict[str, object]]:
    """Return architectures of layers for JSON."""
    return [asdict(plan) for plan in plans]


def build_network(plans: Any, numbers: bytes) -> SKAN:
    """Return the network of architectures from JSON and of parameters as safetensors.

    Raises
    ------
    InputError
        If the parameters do not match the architectures.
    """
    try:
        checked = tuple(
            LayerPlan(
                tuple(tuple(known_space(name) for name in modes) for modes in plan["modes"]),
                int(plan["outputs"]),
                int(plan["grid"]),
                plan["level"],
            )
            for plan in plans
        )
        network = SKAN(checked).double()
        network.load_state_dict(load(numbers))
    except (KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise InputError(f"the network does not fit its description ({error}).", hint="Fit it again.") from error
    return network


def write_model(run: Run, model: TableModel) -> None:
    """Write ``model.json``, ``model.safetensors`` and ``sample.safetensors`` into a run."""
    document = {
        "kind": _KIND,
        "plans": describe_plans(model.network.plans),
        "columns": [asdict(column) for column in model.columns],
        "names": model.names,
        "target": model.target,
        "mean": model.mean,
        "scale": model.scale,
        "lowest": model.lowest.tolist(),
        "highest": model.highest.tolist(),
        "residuals": model.residuals.tolist(),
    }
    with run.output(NUMBERS) as path:
        path.write_bytes(network_bytes(model.network))
    with run.output(SAMPLE) as path:
        rows = torch.from_numpy(np.column_stack([model.sample_inputs, model.sample_target]))
        path.write_bytes(save({"rows": rows.contiguous()}))
    run.write_text(DESCRIPTION, json_text(document))


def read_model(path: Path) -> TableModel:
    """Read a model from the directory of a fit or from its ``model.json``.

    Raises
    ------
    InputError
        If there is no model, or it is damaged or of another kind.
    """
    description = path / DESCRIPTION if path.is_dir() else path
    with _reading(path, description):
        document = json.loads(description.read_text(encoding="utf-8"))
    if not isinstance(document, dict) or document.get("kind") != _KIND:
        found = document.get("kind") if isinstance(document, dict) else type(document).__name__
        raise InputError(f"{description}: {found} found; {_KIND} expected.")
    with _reading(path, description):
        numbers = description.with_name(NUMBERS).read_bytes()
        rows = load(description.with_name(SAMPLE).read_bytes())["rows"].numpy()
    try:
        numbers_by_name = {
            name: np.array(document[name], dtype=np.float64) for name in ("lowest", "highest", "residuals")
        }
        return TableModel(
            network=build_network(document["plans"], numbers),
            columns=tuple(
                Column(c["name"], tuple(c["categories"]), c["fill"], bool(c.get("marks_missing", False)))
                for c in document["columns"]
            ),
            names=tuple(document["names"]),
            target=str(document["target"]),
            mean=float(document["mean"]),
            scale=float(document["scale"]),
            lowest=numbers_by_name["lowest"],
            highest=numbers_by_name["highest"],
            residuals=numbers_by_name["residuals"],
            sample_inputs=rows[:, :-1],
            sample_target=rows[:, -1],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{description}: damaged ({error!r}).", hint="Fit it again.") from error
    except InputError as error:
        raise InputError(f"{description}: {error.message}", hint=error.hint) from error


@contextmanager
def _reading(path: Path, description: Path) -> Iterator[None]:
    """Raise `InputError` for files that are missing or damaged."""
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: no {Path(str(error.filename)).name} found; the directory of a finished `kan-fit fit` expected."
        ) from None
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise InputError(f"{description}: cannot be read ({error}).", hint="Fit it again.") from error


def pruned_model(model: TableModel, share: float) -> TableModel:
    """Return the model without the edges whose standard deviation is below a share of their layer's largest."""
    x = torch.from_numpy(model.sample_inputs)
    network = SKAN(model.network.plans).double()
    network.load_state_dict(model.network.state_dict())
    for layer, spread in zip(network.each_layer(), network.edge_spreads(x), strict=True):
        with torch.no_grad():
            layer.edges[spread < share * spread.max()] = 0
    return replace(model, network=network)


def known_space(name: object) -> str:
    """Return the name of an activation space; raise `ValueError` for another name."""
    if name not in SPACES:
        raise ValueError(f"{name!r} is not an activation space")
    return str(name)
