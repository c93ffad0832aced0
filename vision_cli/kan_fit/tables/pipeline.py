"""A table or a function in, a fitted S-KAN out: split, search, the comparison with what one would have used otherwise.

Usable without the command line: `fit` takes arrays and gives a model, all candidates and measures.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.kan_fit.options import SearchOptions
from vision_cli.kan_fit.tables.candidates import Candidate, Problem, fit_candidate
from vision_cli.kan_fit.tables.data import TableData
from vision_cli.kan_fit.tables.files import TableModel
from vision_cli.kan_fit.tables.optimisers import choose_method
from vision_cli.kan_fit.tables.selection import OutOfBudget, Remember, Selection, search

_SEARCH_ROWS = 10_000
_EPOCHS_ON_ALL = 10
_FEWEST_ROWS = 30
_WIDE_INPUTS = 10
_RIVAL_ROWS = 100_000
_KEPT_ROWS = 1000


@dataclass(frozen=True)
class Split:
    """Rows of a table by what they are for.

    Attributes
    ----------
    train, val, test
        Numbers of rows; ``test`` is empty where the test data are another table.
    """

    train: NDArray[np.int64]
    val: NDArray[np.int64]
    test: NDArray[np.int64]


@dataclass(frozen=True)
class Measures:
    """How well a prediction agrees, in the target's unit.

    Attributes
    ----------
    rmse, mae, max_error
        Root mean square, mean and greatest absolute error.
    r2
        Explained share of the variance.
    """

    rmse: float
    mae: float
    max_error: float
    r2: float


@dataclass(frozen=True)
class Rival:
    """A row of the comparison.

    Attributes
    ----------
    name
        What was fitted.
    parameters
        Numbers it consists of; None for trees.
    val_rmse, test_rmse
        In the target's unit.
    seconds
        Of fitting, by the clock.
    """

    name: str
    parameters: int | None
    val_rmse: float
    test_rmse: float
    seconds: float


@dataclass(frozen=True)
class Fit:
    """What `fit` gives.

    Attributes
    ----------
    model
        The chosen network, ready to predict.
    selection
        All candidates.
    final
        The candidate that the model is.
    """

    model: TableModel
    selection: Selection
    final: Candidate


def split_rows(count: int, val: float, test: float, seed: int) -> Split:
    """Split rows at random.

    Raises
    ------
    InputError
        If there are too few.
    """
    order = np.random.default_rng((seed, 0)).permutation(count)
    tests, vals = round(count * test), round(count * val)
    if count - tests - vals < _FEWEST_ROWS or vals < 1:
        raise InputError(
            f"{count - tests - vals} rows to train on and {vals} to validate on found; {_FEWEST_ROWS} and one or more "
            "expected.",
            hint="Give more rows, or lower --val-fraction and --test-fraction.",
        )
    return Split(np.sort(order[tests + vals :]), np.sort(order[tests : tests + vals]), np.sort(order[:tests]))


def auto_widths(inputs: int) -> tuple[tuple[int, ...], ...]:
    """Hidden widths that are tried: a sum of functions, one function of it, and wider and deeper networks."""
    ladder: list[tuple[int, ...]] = [(), (1,), (2,), (5,), (1, 1)]
    if 2 < inputs <= _WIDE_INPUTS:
        ladder.append((min(inputs, 5), 2))
    return tuple(ladder[:1] + ladder[3:]) if inputs == 1 else tuple(ladder)


def fit(
    inputs: NDArray[np.float64],
    target: NDArray[np.float64],
    split: Split,
    table: TableData,
    widths: Sequence[Sequence[int]],
    settings: SearchOptions,
    *,
    bounds: NDArray[np.float64] | None = None,
    device: torch.device | None = None,
    remember: Remember = lambda _name, compute: compute(),
) -> Fit:
    """Fit a network to rows of a table.

    Many rows are searched on a sample of them; the chosen network is then fitted to all.

    Parameters
    ----------
    inputs, target
        ``(N, inputs)`` and ``(N,)``.
    split
        Which rows train and validate.
    table
        Names and columns.
    widths
        Hidden widths to try.
    settings
        Pool, phases, optimiser.
    bounds
        Lowest and highest possible inputs, ``(2, inputs)``, where they are known.
    device
        Where to compute.
    remember
        Where finished candidates are kept.

    Raises
    ------
    InputError
        If the target is constant.
    NumericalError
        If the fit does not stay finite.
    """
    train = target[split.train]
    mean, scale = float(train.mean()), float(train.std())
    if scale == 0:
        raise InputError(f"the target is {mean:g} in every training row; values that differ expected.")

    def tensors(rows: NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
        x, y = torch.from_numpy(inputs[rows]), torch.from_numpy((target[rows] - mean) / scale).unsqueeze(1)
        return x.to(device), y.to(device)

    known = None if bounds is None else torch.from_numpy(bounds).to(device)
    few = replace(split, train=_sample(split.train, _SEARCH_ROWS), val=_sample(split.val, _SEARCH_ROWS // 4))
    problem = Problem(*tensors(few.train), *tensors(few.val), known)
    selection = search(problem, widths, settings, remember)
    final = selection.final
    if len(few.train) < len(split.train):
        everything = Problem(*tensors(split.train), *tensors(split.val), known)
        try:
            final, _ = remember("all rows", lambda: (_fit_on_all(everything, final, settings), ()))
        except OutOfBudget:
            selection.is_cut_short = True
        del everything
    network = final.network.cpu()
    kept = _sample(split.train, _KEPT_ROWS)
    model = TableModel(
        network,
        table.columns,
        table.names,
        table.target_name or "y",
        mean,
        scale,
        inputs[split.train].min(axis=0),
        inputs[split.train].max(axis=0),
        np.zeros(0),
        inputs[kept],
        target[kept],
    )
    residuals = np.abs(model.predict(inputs[split.val]) - target[split.val])
    return Fit(replace(model, residuals=np.sort(residuals)), selection, final)


def measure(predicted: NDArray[np.float64], target: NDArray[np.float64]) -> Measures:
    """Compare a prediction with what it should be, both ``(N,)``."""
    error = predicted - target
    variance = float(np.var(target))
    square = float(np.mean(error**2))
    return Measures(
        math.sqrt(square),
        float(np.abs(error).mean()),
        float(np.abs(error).max()),
        1 - square / variance if variance else math.nan,
    )


def fit_rivals(
    inputs: NDArray[np.float64],
    target: NDArray[np.float64],
    split: Split,
    test: tuple[NDArray[np.float64], NDArray[np.float64]],
    seed: int,
) -> list[Rival]:
    """Fit what a practitioner tries first, on the same rows: an MLP and gradient-boosted trees of scikit-learn.

    Parameters
    ----------
    inputs, target, split
        As for `fit`.
    test
        Inputs and target to test on.
    seed
        Of their start values.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    train = _sample(split.train, _RIVAL_ROWS)
    mean, scale = target[train].mean(), target[train].std()
    perceptron = MLPRegressor(
        hidden_layer_sizes=(64, 64),
        solver="lbfgs" if len(train) <= _SEARCH_ROWS else "adam",
        max_iter=500,
        random_state=seed,
    )
    rivals: list[tuple[str, Any]] = [
        ("MLP 64-64 (scikit-learn)", make_pipeline(StandardScaler(), perceptron)),
        ("gradient boosting (scikit-learn)", HistGradientBoostingRegressor(max_iter=500, random_state=seed)),
    ]
    found = []
    for name, model in rivals:
        started = time.monotonic()
        quietly(lambda model=model: model.fit(inputs[train], (target[train] - mean) / scale))  # type: ignore[misc]
        seconds = time.monotonic() - started
        errors = [
            measure(model.predict(x) * scale + mean, y).rmse for x, y in ((inputs[split.val], target[split.val]), test)
        ]
        is_network = isinstance(model, type(make_pipeline(StandardScaler())))
        parameters = sum(w.size for w in (*perceptron.coefs_, *perceptron.intercepts_)) if is_network else None
        found.append(Rival(name, parameters, errors[0], errors[1], seconds))
    return found


def quietly(work: Callable[[], object]) -> None:
    """Fit a rival without its warnings."""
    import warnings

    with warnings.catch_warnings():
        # That it stopped at its last iteration is no news to the reader of a comparison.
        warnings.simplefilter("ignore")
        work()


def _fit_on_all(problem: Problem, chosen: Candidate, settings: SearchOptions) -> Candidate:
    network = chosen.network.to(problem.x.device)
    method = settings.optimiser
    if method == "auto":
        method = choose_method(len(problem.x), sum(p.numel() for p in network.parameters()))
    started = Candidate(f"{chosen.name}, all rows", network, math.inf, chosen.steps)
    return fit_candidate(problem, started, "all rows", _EPOCHS_ON_ALL, optimiser=method)


def _sample(rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Every k-th row; all where they are few."""
    return rows if len(rows) <= count else rows[:: -(-len(rows) // count)]
