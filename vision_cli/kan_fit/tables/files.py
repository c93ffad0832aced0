"""Fitted models of tables on disk: architecture and encoding in ``model.json``, parameters in ``model.safetensors``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save

from vision_cli.core.errors import InputError, NumericalError
from vision_cli.core.runs.files import json_text
from vision_cli.core.runs.runs import Run
from vision_cli.kan_fit.names import Continuation, Outside
from vision_cli.kan_fit.networks.dense import SKAN, continued
from vision_cli.kan_fit.networks.expansion import LayerPlan
from vision_cli.kan_fit.networks.spaces import SPACES
from vision_cli.kan_fit.tables.data import Column
from vision_cli.kan_fit.tables.robust.scaling import IDENTITY, Scaling, scaled
from vision_cli.kan_fit.tables.robust.sparse import EdgeErrors, distances_outside

DESCRIPTION, NUMBERS, SAMPLE = "model.json", "model.safetensors", "sample.safetensors"
_KIND = "kan-fit table"
_LEAST_RESIDUALS = 10


@dataclass(frozen=True)
class TableModel:
    """A fitted network with the encoding of its table.

    Attributes
    ----------
    network
        In float64; of scaled inputs, and of a target of mean 0 and standard deviation 1.
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
        Absolute residuals of rows that were not fitted, ascending, for conformal intervals.
    sample_inputs, sample_target
        A sample of the training rows, ``(n, inputs)`` and ``(n,)``, for explanations.
    scalings
        Scaling of each input before the network.
    edges
        Errors beyond the fitted rows, in the target's unit, which widen intervals outside the range.
    refuses
        Whether rows outside the range are refused.
    classes
        Of a text target, whose values are 0 for the first and 1 for the second; empty for numbers.
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
    scalings: tuple[Scaling, ...] = ()
    edges: EdgeErrors = field(default_factory=lambda: EdgeErrors(np.zeros(0), np.zeros(0)))
    refuses: bool = False
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.scalings:
            object.__setattr__(self, "scalings", (IDENTITY,) * len(self.names))

    @property
    def input_labels(self) -> tuple[str, ...]:
        """Names of the network's inputs with their scalings, as in ``log(income)``."""
        return tuple(one.label(name) for one, name in zip(self.scalings, self.names, strict=True))

    @property
    def outside(self) -> Outside:
        """What the model does outside the training range."""
        return "refuse" if self.refuses else self.network.plans[0].outside

    def continued(self, outside: Outside) -> TableModel:
        """Return the model with another way outside the training range; ``auto`` keeps its own."""
        if outside == "auto":
            return self
        if outside == "refuse":
            return replace(self, refuses=True)
        return replace(self, network=continued(self.network, outside), refuses=False)

    def network_inputs(self, inputs: NDArray[np.float64]) -> torch.Tensor:
        """Return inputs as the network takes them, scaled, ``(N, inputs)``."""
        return torch.from_numpy(np.ascontiguousarray(scaled(inputs, self.scalings)))

    def predict(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the predictions in the target's unit, ``(N, inputs)`` to ``(N,)``.

        Raises
        ------
        NumericalError
            If a prediction is not finite.
        """
        found = self._values(self.network, inputs)
        if not np.isfinite(found).all():
            raise NumericalError(
                "a prediction is not finite; finite values expected.", hint="Check the size of the inputs."
            )
        return found

    def _values(self, network: SKAN, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(network.predict(self.network_inputs(inputs))[:, 0].numpy() * self.scale + self.mean)

    def is_outside(self, inputs: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which rows have an input outside the range of the training data, ``(N,)``."""
        return np.asarray(((inputs < self.lowest) | (inputs > self.highest)).any(axis=1))

    def require_inside(self, inputs: NDArray[np.float64]) -> None:
        """Check that no row is outside the range of the training data, if the model refuses such rows.

        Raises
        ------
        InputError
            Naming the first row and its column.
        """
        if self.refuses and (outside := self.is_outside(inputs)).any():
            row = int(outside.argmax())
            names = self.columns_outside(inputs[row : row + 1])[0]
            value, column = inputs[row, self.names.index(names[0])], self.names.index(names[0])
            raise InputError(
                f"row {row + 1}: {names[0]} is {value:g}; {self.lowest[column]:g} to {self.highest[column]:g}, the "
                f"range of the training data, expected ({int(outside.sum())} of {len(inputs)} rows are outside).",
                hint="Leave these rows out, or give --outside hold or linear.",
            )

    def columns_outside(self, inputs: NDArray[np.float64]) -> list[list[str]]:
        """Return the names of the inputs outside the range of the training data, row by row."""
        is_out = (inputs < self.lowest) | (inputs > self.highest)
        found: list[list[str]] = [[]] * len(inputs)
        for row in np.flatnonzero(is_out.any(axis=1)):
            found[row] = [self.names[n] for n in np.flatnonzero(is_out[row])]
        return found

    def half_widths(self, inputs: NDArray[np.float64], level: float) -> NDArray[np.float64]:
        """Return half the widths of the intervals of a level for rows ``(N, inputs)``, ``(N,)``.

        Within the range of the training data they are those of `half_width`. Outside it they grow with the distance, as
        the errors of rows beyond the fitted ones did in validation, and by the difference between a constant and a
        linear continuation.

        Raises
        ------
        InputError
            As `half_width`.
        """
        half = self.half_width(level)
        far = distances_outside(scaled(inputs, self.scalings), *scaled(self._ends, self.scalings))
        growth = 0.0
        if len(self.edges.distances):
            excess = np.maximum(self.edges.residuals - half, 0) / self.edges.distances
            growth = float(np.quantile(excess, level))
        ways = [self._values(continued(self.network, way), inputs) for way in ("hold", "linear")]
        spread = np.where(far > 0, np.abs(ways[0] - ways[1]), 0.0)
        return np.asarray(half + growth * far + np.where(np.isfinite(spread), spread, np.inf))

    @property
    def _ends(self) -> NDArray[np.float64]:
        return np.stack([self.lowest, self.highest])

    def half_width(self, level: float) -> float:
        """Return half the width of the conformal interval of a level (Lei et al. 2018, algorithm 2).

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
                _continuation(plan.get("outside", "linear")),
            )
            for plan in plans
        )
        network = SKAN(checked).double()
        network.load_state_dict(load(numbers))
    except (KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise InputError(f"the network does not fit its description ({error}).", hint="Fit it again.") from error
    return network


def write_model(run: Run, model: TableModel, folder: str = "") -> None:
    """Write ``model.json``, ``model.safetensors`` and ``sample.safetensors`` into a run, or a folder ``a/`` of it."""
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
        "scalings": [asdict(one) for one in model.scalings],
        "edge_distances": model.edges.distances.tolist(),
        "edge_residuals": model.edges.residuals.tolist(),
        "refuses": model.refuses,
        "classes": model.classes,
    }
    with run.output(folder + NUMBERS) as path:
        path.write_bytes(network_bytes(model.network))
    with run.output(folder + SAMPLE) as path:
        rows = torch.from_numpy(np.column_stack([model.sample_inputs, model.sample_target]))
        path.write_bytes(save({"rows": rows.contiguous()}))
    run.write_text(folder + DESCRIPTION, json_text(document))


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
            # Models of earlier versions have none of these.
            scalings=tuple(Scaling(s["kind"], s["center"], s["width"]) for s in document.get("scalings", ())),
            edges=EdgeErrors(
                *(np.array(document.get(f"edge_{part}", ()), dtype=np.float64) for part in ("distances", "residuals"))
            ),
            refuses=bool(document.get("refuses", False)),
            classes=tuple(map(str, document.get("classes", ()))),
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
    x = model.network_inputs(model.sample_inputs)
    network = SKAN(model.network.plans).double()
    network.load_state_dict(model.network.state_dict())
    for layer, spread in zip(network.each_layer(), network.edge_spreads(x), strict=True):
        with torch.no_grad():
            layer.edges[spread < share * spread.max()] = 0
    return replace(model, network=network)


def _continuation(word: object) -> Continuation:
    if word not in get_args(Continuation):
        raise ValueError(f"{word!r} is no continuation")
    return cast("Continuation", word)


def known_space(name: object) -> str:
    """Return the name of an activation space; raise `ValueError` for another name."""
    if name not in SPACES:
        raise ValueError(f"{name!r} is not an activation space")
    return str(name)
