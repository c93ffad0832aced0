"""Arrays in, a fitted S-KAN out: the search over networks, and the fit of the chosen one to all rows.

`fit` needs no command line and no run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.kan_fit.names import Continuation
from vision_cli.kan_fit.networks.dense import continued
from vision_cli.kan_fit.options import SearchOptions
from vision_cli.kan_fit.tables.candidates import Candidate, Problem, fit_candidate
from vision_cli.kan_fit.tables.data import TableData
from vision_cli.kan_fit.tables.files import TableModel
from vision_cli.kan_fit.tables.optimisers import choose_method
from vision_cli.kan_fit.tables.robust.intervals import conformal_residuals, left_out_score
from vision_cli.kan_fit.tables.robust.scaling import Scaling, choose_scalings, scaled
from vision_cli.kan_fit.tables.robust.sparse import EdgeErrors, choose_by_sparse_rows, sparse_rows
from vision_cli.kan_fit.tables.selection import MIXED, SMOOTH, CandidateCache, OutOfBudget, SearchResult, search
from vision_cli.kan_fit.tables.splits import RowSplit, thinned

_SEARCH_ROWS = 10_000
_EPOCHS_ON_ALL = 10
_WIDE_INPUTS = 10
_KEPT_ROWS = 1000
_ALMOST_EXACT = 1e-8
"""Score below which a network is kept whatever its errors beyond the edge."""

_CONTENDS, _MOST_CONTENDERS = 1.5, 8
_CONTINUATIONS = get_args(Continuation)


@dataclass(frozen=True)
class FitResult:
    """Result of `fit`.

    Attributes
    ----------
    model
        The chosen network, ready to predict.
    selection
        All candidates.
    final
        The candidate that the model was made from.
    validated
        Predictions of the validation rows by networks that were not fitted to them, in the target's unit, ``(N,)``.
    """

    model: TableModel
    selection: SearchResult
    final: Candidate
    validated: NDArray[np.float64]


def auto_widths(inputs: int) -> tuple[tuple[int, ...], ...]:
    """Return the hidden widths to try: a sum of functions, a function of a sum, and wider and deeper networks."""
    ladder: list[tuple[int, ...]] = [(), (1,), (2,), (5,), (1, 1)]
    if 2 < inputs <= _WIDE_INPUTS:
        ladder.append((min(inputs, 5), 2))
    return tuple(ladder[:1] + ladder[3:]) if inputs == 1 else tuple(ladder)


def fit(
    inputs: NDArray[np.float64],
    target: NDArray[np.float64],
    split: RowSplit,
    table: TableData,
    widths: Sequence[Sequence[int]],
    settings: SearchOptions,
    *,
    bounds: NDArray[np.float64] | None = None,
    device: torch.device | None = None,
    cached: CandidateCache = lambda _name, compute: compute(),
) -> FitResult:
    """Fit a network to rows of a table.

    With more than 10,000 training rows, networks are searched on a sample; the chosen one is then fitted to all rows.

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
    cached
        Returns a candidate from a checkpoint, or computes it.

    Raises
    ------
    InputError
        If the target is constant.
    NumericalError
        If the loss becomes non-finite.
    """
    train = target[split.train]
    mean, scale = float(train.mean()), float(train.std())
    if scale == 0:
        raise InputError(f"the target is {mean:g} in every training row; values that differ expected.")

    def tensors(rows: NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
        x, y = torch.from_numpy(inputs[rows]), torch.from_numpy((target[rows] - mean) / scale).unsqueeze(1)
        return x.to(device), y.to(device)

    known = None if bounds is None else torch.from_numpy(bounds).to(device)
    few = replace(split, train=thinned(split.train, _SEARCH_ROWS), val=thinned(split.val, _SEARCH_ROWS // 4))
    scalings = _scalings(inputs, target, few) if bounds is None else ()
    raw, inputs = inputs, scaled(inputs, scalings) if scalings else inputs
    problem = Problem(*tensors(few.train), *tensors(few.val), known)
    selection = search(problem, widths, settings, cached)
    final, edges = _choose(problem, selection, settings)
    if len(few.train) < len(split.train):
        final = replace(final, left_out=())
        everything = Problem(*tensors(split.train), *tensors(split.val), known)
        try:
            final, _ = cached("all rows", lambda: (_fit_on_all(everything, final, settings), ()))
        except OutOfBudget:
            selection.is_cut_short = True
        del everything
    residuals = conformal_residuals(problem, final, settings.seed)
    network = final.network.cpu()
    fitted = np.sort(np.concatenate([split.train, split.val])) if final.left_out else split.train
    kept = thinned(fitted, _KEPT_ROWS)
    model = TableModel(
        network,
        table.columns,
        table.names,
        table.target_name or "y",
        mean,
        scale,
        raw[fitted].min(axis=0),
        raw[fitted].max(axis=0),
        residuals * scale,
        raw[kept],
        target[kept],
        scalings,
        replace(edges, residuals=edges.residuals * scale),
        settings.outside == "refuse",
        table.classes,
    )
    validated = model.predict(raw[split.val])
    if final.left_out:
        validated = target[split.val] + scale * final.validation_residuals(problem)[:, 0].cpu().numpy()
    if len(few.val) < len(split.val):
        model = replace(model, residuals=np.sort(np.abs(validated - target[split.val])))
    return FitResult(model, selection, final, validated)


def _scalings(inputs: NDArray[np.float64], target: NDArray[np.float64], few: RowSplit) -> tuple[Scaling, ...]:
    """Return the scaling of each input, chosen on validation rows and on the sparse rows of the training part."""
    sparse = sparse_rows(inputs[few.train])
    rows, held = few.train[~sparse], np.concatenate([few.val, few.train[sparse]])
    return choose_scalings(inputs[rows], target[rows], inputs[held], target[held])


def _choose(problem: Problem, selection: SearchResult, settings: SearchOptions) -> tuple[Candidate, EdgeErrors]:
    """Return the final candidate, continued outside its range as the settings say, and its errors beyond the edge."""
    final = selection.final
    outside = cast("Continuation", settings.outside) if settings.outside in _CONTINUATIONS else None
    if problem.bounds is not None or final.score < _ALMOST_EXACT:
        way = outside or "linear"
        return replace(final, network=continued(final.network, way)), EdgeErrors(np.zeros(0), np.zeros(0))
    ranked = sorted(selection.contenders, key=lambda candidate: candidate.score)
    if smooth := [one for one in ranked if one.left_out]:
        # Where all rows were left out in turn, their errors decide, also on a rough network that seems better.
        best = smooth[0]
        if not (rough := ranked[0]).left_out:
            # It was chosen among many, by few rows.
            handicap = 1 + 1 / math.sqrt(len(best.left_out))
            if best.name.endswith(f"{MIXED}, {SMOOTH}"):
                # Nor may it have more parameters than the information criterion allows that chose the spaces.
                more = rough.network.parameters_in_use() - best.network.parameters_in_use()
                handicap = max(handicap, math.exp(more * math.log(len(best.left_out)) / len(best.left_out)))
            if handicap * left_out_score(problem, rough, settings.seed) < best.score:
                best = rough
        own = best.network.plans[0].outside if best.left_out else None
        return choose_by_sparse_rows(problem, [best], outside or own)
    close = [one for one in ranked if one.score <= _CONTENDS * ranked[0].score][:_MOST_CONTENDERS]
    smooth = [one for one in ranked if one.name.endswith(SMOOTH) and one not in close]
    return choose_by_sparse_rows(problem, [*close, *smooth], outside)


def _fit_on_all(problem: Problem, chosen: Candidate, settings: SearchOptions) -> Candidate:
    network = chosen.network.to(problem.x.device)
    method = settings.optimiser
    if method == "auto":
        method = choose_method(len(problem.x), sum(p.numel() for p in network.parameters()))
    started = Candidate(f"{chosen.name}, all rows", network, math.inf, chosen.steps)
    return fit_candidate(problem, started, "all rows", _EPOCHS_ON_ALL, penalty=chosen.penalty, optimiser=method)
