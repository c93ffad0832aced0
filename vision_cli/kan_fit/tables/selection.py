"""Full, selective and pruning phases of S-KAN, with a selection by validation error.

The paper trains the whole pool, selects by the gates, and prunes. Gates alone can select a mixture that is worse than a
single space at all nodes. So the two modes that contribute most are fitted and compared at every node, and the result
is the best, on validation data, of the mixed network, of the best homogeneous network improved node by node, and of the
homogeneous networks (one space at all nodes) themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import torch
from threadpoolctl import threadpool_limits

from vision_cli.core.compute.devices import one_thread_below
from vision_cli.kan_fit.names import Continuation
from vision_cli.kan_fit.networks.dense import SKAN, plan_network, project_network
from vision_cli.kan_fit.options import SearchOptions
from vision_cli.kan_fit.tables.candidates import Candidate, ModeScore, Problem, fit_candidate, pruned
from vision_cli.kan_fit.tables.levenberg_marquardt import NO_PENALTY, Penalty
from vision_cli.kan_fit.tables.robust.cross_validation import can_cross_validate, cross_validated
from vision_cli.kan_fit.tables.robust.grids import ROWS_A_PARAMETER, grids_for
from vision_cli.kan_fit.tables.robust.modes import choose_modes
from vision_cli.kan_fit.tables.robust.sparse import CONTINUATIONS
from vision_cli.kan_fit.tables.robust.stacking import stacked

MIXED, SWAPPED, FULL, SMOOTH, STACKED = "mixed", "swapped", "full pool", "smooth", "stacked"

# Penalties of the phases, and temperatures of the selective one.
_GROUP, _ENTROPY = 1e-4, 1e-3
_TEMPERATURES = (1.0, 0.5, 0.2, 0.1)
_COARSE_GRIDS, _MOST_WIDTHS = 2, 2
_VERIFY_STEPS = 5
# Scores (squared residuals of a target of unit variance): exact to rounding, exact for practical purposes, poor.
_EXACT, _PRACTICALLY_EXACT, _POOR = 1e-14, 1e-12, 0.1
# Above this score the data may be noisy, and smooth networks are tried.
_NOISY = 1e-4
# Below this score the noise is small enough to tell the spaces of the nodes of a sum apart.
_TELLING = 1e-2
_SMOOTH_ROUGHNESS = (10.0, 1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
_SMOOTH_SLOPE = 1e-3
_SMOOTH_SPACE = "bspline"
_WORSE_IN_A_ROW = 3
_PATH_ROWS = 2000
# Ratios of scores.
_CLOSE, _PROMISING, _WORSE_BY_PRUNING, _BETTER_BY_SWAPPING = 2.0, 1e6, 1.01, 0.9
_MORE_STARTS = 3
_ROWS_FOR_THREADS = 20_000


@dataclass
class SearchResult:
    """Result of a search.

    Attributes
    ----------
    candidates
        All networks, in the order they were fitted.
    choices
        All modes that were ranked or compared.
    pruned
        The best network without edges of little variance; None where its validation error is higher, or no edge was
        removed.
    is_cut_short
        Whether the time budget ended the search early.
    """

    candidates: list[Candidate] = field(default_factory=list)
    choices: list[ModeScore] = field(default_factory=list)
    pruned: Candidate | None = None
    is_cut_short: bool = False

    @property
    def best(self) -> Candidate:
        """The candidate of the least validation error, before pruning."""
        return min(self.candidates, key=lambda candidate: candidate.score)

    @property
    def contenders(self) -> list[Candidate]:
        """All networks among which the final one may be: with the pruned one in place of the best."""
        return [self.pruned if self.pruned and one is self.best else one for one in self.candidates]

    @property
    def final(self) -> Candidate:
        """The pruned candidate if there is one, else the best."""
        return self.pruned or self.best


class OutOfBudget(Exception):
    """The time budget is spent."""


class CandidateCache(Protocol):
    """Returns candidates by name, computed once, so that a resumed run does not compute them again."""

    def __call__(
        self, name: str, compute: Callable[[], tuple[Candidate, Sequence[ModeScore]]]
    ) -> tuple[Candidate, Sequence[ModeScore]]:
        """Return the candidate of a name, computed if it is new; raise `OutOfBudget` if there is no time for it."""
        ...


def search(
    problem: Problem, widths: Sequence[Sequence[int]], settings: SearchOptions, cached: CandidateCache
) -> SearchResult:
    """Fit networks of several widths and spaces; return them all.

    Homogeneous networks of all widths are fitted on the two coarsest grids. For each space the width of the least
    validation error is fitted on finer grids, and so is the second best if it is close. The best widths over all spaces
    go through the phases, unless a homogeneous network is already exact.

    Parameters
    ----------
    problem
        The data.
    widths
        Hidden widths to try.
    settings
        Pool, phases and optimiser.
    cached
        Returns a candidate from a checkpoint, or computes it.

    Raises
    ------
    NumericalError
        If a loss becomes non-finite.
    Interrupted
        If a signal asks to stop.
    """
    found = SearchResult()
    inputs, outputs = problem.x.shape[1], problem.y.shape[1]
    searches = [_WidthSearch(problem, (inputs, *hidden, outputs), settings, cached, found) for hidden in widths]
    every, searches = searches, [one for one in searches if one.has_enough_rows()]
    searches = searches or [min(every, key=lambda one: sum(one.shape))]
    # For matrices of a few hundred rows several threads take longer than one.
    with threadpool_limits(1), one_thread_below(len(problem.x), _ROWS_FOR_THREADS):
        try:
            _search(problem, searches, every, settings, cached, found)
        except OutOfBudget:
            found.is_cut_short = True
            found.candidates += [candidate for one in searches for candidate in one.coarse.values()]
    return found


def _search(
    problem: Problem,
    searches: Sequence[_WidthSearch],
    every: Sequence[_WidthSearch],
    settings: SearchOptions,
    cached: CandidateCache,
    found: SearchResult,
) -> None:
    if settings.select == "validated":
        for space in settings.pool:
            _search_space(space, searches)
    ranked = sorted(searches, key=lambda one: one.fit_coarse())
    for number, one in enumerate(ranked[:_MOST_WIDTHS]):
        is_done = bool(found.candidates) and found.best.score < _PRACTICALLY_EXACT
        if is_done or (number and one.fit_coarse() > _CLOSE * ranked[0].fit_coarse()):
            break
        one.fit_heterogeneous()
    if found.best.score > _NOISY:
        # A penalty takes the place of enough rows a parameter.
        for one in every:
            one.fit_smooth()
        _stack(problem, cached, found)
        if found.best.score < _TELLING:
            for one in every:
                one.fit_chosen_modes()
    best = found.best
    if best.left_out:
        return
    smaller, _ = cached(f"pruned {best.name}", lambda: (pruned(problem, best, settings.steps, settings.optimiser), ()))
    is_smaller = smaller.network.parameters_in_use() < best.network.parameters_in_use()
    if is_smaller and smaller.score <= best.score * _WORSE_BY_PRUNING:
        found.pruned = smaller


def _stack(problem: Problem, cached: CandidateCache, found: SearchResult) -> None:
    """Add the mean of the smooth networks if it is better than the best of them."""
    members = [one for one in found.candidates if one.left_out]
    if len(members) < 2:
        return
    best = min(members, key=lambda one: one.score)
    members = [one for one in members if one.network.plans[0].outside == best.network.plans[0].outside]
    mean, _ = cached(STACKED, lambda: (stacked(problem, STACKED, members) or best, ()))
    if mean.name == STACKED:
        found.candidates.append(mean)


def _search_space(space: str, searches: Sequence[_WidthSearch]) -> None:
    """Fit the homogeneous networks that a search with this space alone would fit.

    They guarantee that the result is no worse than that of any single space.
    """
    for one in searches:
        one.fit_coarse()
    ranked = sorted(searches, key=lambda one: one.coarse[space].score)
    least = ranked[0].coarse[space].score
    for one in searches:
        is_simpler = sum(one.shape) < sum(ranked[0].shape)
        is_promising = one.coarse[space].score < _PROMISING * max(least, _PRACTICALLY_EXACT)
        if is_simpler and is_promising and one.fit_finer(space) < _PRACTICALLY_EXACT:
            # A narrower network is preferred if it is exact for practical purposes.
            return
    for number, one in enumerate(ranked[:_MOST_WIDTHS]):
        if number and one.coarse[space].score > _CLOSE * least:
            return
        if one.fit_finer(space) < _EXACT:
            return


def _name(shape: Sequence[int], pool: str) -> str:
    return f"{'-'.join(map(str, shape))} {pool}"


class _WidthSearch:
    """Fits the candidates of one tuple of widths, ``shape``."""

    def __init__(
        self,
        problem: Problem,
        shape: Sequence[int],
        settings: SearchOptions,
        cached: CandidateCache,
        found: SearchResult,
    ) -> None:
        self.problem, self.shape, self.settings = problem, tuple(shape), settings
        self.cached, self.found = cached, found
        self.coarse: dict[str, Candidate] = {}
        self.finer: dict[str, Candidate] = {}

    def has_enough_rows(self) -> bool:
        """Return whether there are enough rows for the coarsest grid."""
        count = SKAN(plan_network(self.shape, self.settings.pool[:1], grid=self.settings.grids[0])).parameters_in_use()
        return count * ROWS_A_PARAMETER <= self.problem.y.numel()

    def fit_coarse(self) -> float:
        """Fit the homogeneous networks on the coarsest grids; return the score of the best."""
        if self.settings.select != "validated":
            return 0.0
        for name in self.settings.pool:
            if name not in self.coarse:
                label = f"{_name(self.shape, name)}, coarse"
                self.coarse[name], _ = self.cached(label, lambda name=name: (self._fit_coarse_space(name), ()))  # type: ignore[misc]
        return min(candidate.score for candidate in self.coarse.values())

    def fit_finer(self, space: str) -> float:
        """Fit the coarse network of a space on finer grids; return its score."""
        if space not in self.finer:
            self.finer[space] = self._add_candidate(_name(self.shape, space), lambda: (self.homogeneous(space), ()))
        return self.finer[space].score

    def fit_heterogeneous(self) -> None:
        """Fit the networks whose nodes differ in their spaces, or have several."""
        pool, select = self.settings.pool, self.settings.select
        if len(pool) == 1:
            self.fit_coarse()
            self.fit_finer(pool[0])
        elif select == "none":
            self._add_candidate(_name(self.shape, FULL), lambda: (self.full(), ()))
        elif select == "gate":
            self._add_candidate(_name(self.shape, MIXED), self.mixed)
        else:
            if not self.finer:
                self.fit_finer(min(self.coarse, key=lambda name: self.coarse[name].score))
            start = min(self.finer.values(), key=lambda candidate: candidate.score)
            if start.score > _EXACT:
                self._add_candidate(_name(self.shape, MIXED), self.mixed)
                self._add_candidate(_name(self.shape, SWAPPED), lambda: self.swapped(start))

    def fit_smooth(self) -> None:
        """Fit networks of smooth functions, which are tried where the data are noisy."""
        pool = self.settings.pool
        space = _SMOOTH_SPACE if _SMOOTH_SPACE in pool else pool[0]
        if self.settings.select == "validated" and self.settings.optimiser in {"auto", "lm"}:
            label = f"{_name(self.shape, space)}, {SMOOTH}"
            grid = self.settings.grids[0]
            if can_cross_validate(self.problem, self.shape, space, grid):
                seed, ways = self.settings.seed, self._ways()
                self._add_candidate(
                    label, lambda: (cross_validated(self.problem, label, self.shape, space, grid, seed, ways), ())
                )
            elif self.has_enough_rows():
                self._add_candidate(label, lambda: (self.smooth(label, space), ()))

    def fit_chosen_modes(self) -> None:
        """Fit the sum of functions whose spaces have the least information criterion."""
        pool, grids, shape = self.settings.pool, self.settings.grids, self.shape
        is_tried = len(shape) == 2 and len(pool) > 1 and self.settings.select == "validated"
        if is_tried and can_cross_validate(self.problem, shape, pool[0], max(grids)):
            self._add_candidate(f"{_name(shape, MIXED)}, {SMOOTH}", self.chosen_modes)

    def chosen_modes(self) -> tuple[Candidate, list[ModeScore]]:
        """Return the smooth sum of functions of the spaces of the least criterion, and how these compare."""
        label, seed = f"{_name(self.shape, MIXED)}, {SMOOTH}", self.settings.seed
        found = choose_modes(self.problem, self.settings.pool, self.settings.grids)
        candidate = cross_validated(
            self.problem, label, self.shape, "", found.grid, seed, self._ways(), modes=found.names
        )
        choices = [
            ModeScore(label, 0, node, name, None, None, value, name == found.names[node])
            for node, values in enumerate(found.residuals)
            for name, value in values.items()
        ]
        return candidate, choices

    def _ways(self) -> tuple[Continuation, ...]:
        return tuple(way for way in CONTINUATIONS if way == self.settings.outside) or CONTINUATIONS

    def smooth(self, label: str, space: str) -> Candidate:
        """Return the best network along paths of falling penalties on roughness, from straight lines on."""
        grid = grids_for(self.problem, self.shape, [space], self.settings.grids)[0]
        few = self.problem.thinned(_PATH_ROWS)
        best = candidate = self._start(label, (space,), grid, 0)
        worse = 0
        for rough in _SMOOTH_ROUGHNESS:
            penalty = Penalty(rough=rough, slope=_SMOOTH_SLOPE)
            network = project_network(candidate.network, self.problem.x, bounds=self.problem.bounds)
            started = Candidate(label, network, math.inf, candidate.steps)
            candidate = fit_candidate(few, started, SMOOTH, self.settings.steps, penalty=penalty, optimiser="auto")
            worse = 0 if candidate.score < best.score else worse + 1
            best = min(best, candidate, key=lambda one: one.score)
            if worse == _WORSE_IN_A_ROW:
                break
        if len(few.x) == len(self.problem.x):
            return best
        everything = self._fit(best, SMOOTH, self.settings.steps, penalty=best.penalty)
        return min(best, everything, key=lambda one: one.score)

    def homogeneous(self, name: str) -> Candidate:
        """Return the coarse network of one space, fitted on finer and finer grids."""
        coarse = self.coarse[name]
        start = Candidate(_name(self.shape, name), coarse.network, coarse.score, coarse.steps)
        grids = grids_for(self.problem, self.shape, [name], self.settings.grids)
        return self._fit_finer(start, grids[_COARSE_GRIDS:])

    def full(self) -> Candidate:
        """Return the network of the whole pool with soft gates, fitted on finer and finer grids (full phase alone)."""
        grids = grids_for(self.problem, self.shape, self.settings.pool, self.settings.grids)
        return self._fit_finer(self._fit_best_start(_name(self.shape, FULL), self.settings.pool, grids[0]), grids)

    def mixed(self) -> tuple[Candidate, list[ModeScore]]:
        """Return the network of all phases: full, selective, one mode a node compared by fits, finer grids."""
        label, pool, steps = _name(self.shape, MIXED), self.settings.pool, self.settings.steps
        grids = grids_for(self.problem, self.shape, pool[:1], self.settings.grids)
        candidate = self._fit_best_start(label, pool, grids[0])
        for share in (0.5, 1.0):
            penalty = Penalty(group=_GROUP, entropy=share * _ENTROPY)
            candidate = self._fit(candidate, "full", steps // 2, penalty=penalty)
        for tau in _TEMPERATURES:
            penalty = Penalty(group=_GROUP, entropy=_ENTROPY)
            candidate = self._fit(candidate, "selective", steps // 3, penalty=penalty, tau=tau)
        ranked, choices = self._rank_modes(candidate)
        candidate = self._projected(candidate, modes=[[names[0] for names in layer] for layer in ranked])
        candidate = self._fit(candidate, "pruned", steps)
        options = [[names[:2] for names in layer] for layer in ranked]
        if self.settings.select == "validated":
            candidate = self._compare_modes(candidate, options, choices)
        candidate = self._fit_finer(candidate, grids[1:])
        if self.settings.select == "validated":
            candidate = self._compare_modes(candidate, options, choices)
        return candidate, choices

    def swapped(self, start: Candidate) -> tuple[Candidate, list[ModeScore]]:
        """Return a homogeneous network improved by trying all other modes at each node in turn."""
        candidate = Candidate(_name(self.shape, SWAPPED), start.network, start.score)
        options = [[list(self.settings.pool) for _ in layer.modes] for layer in start.network.plans]
        choices: list[ModeScore] = []
        candidate = self._compare_modes(candidate, options, choices)
        return self._fit(candidate, "pruned", self.settings.steps), choices

    def _fit_coarse_space(self, name: str) -> Candidate:
        grids = grids_for(self.problem, self.shape, [name], self.settings.grids)
        return self._fit_finer(self._fit_best_start(_name(self.shape, name), (name,), grids[0]), grids[1:_COARSE_GRIDS])

    def _fit_best_start(self, label: str, pool: Sequence[str], grid: int) -> Candidate:
        """Fit from several initial weights, and from some more if all results are poor; return the best."""
        best = self._fit_start(label, pool, grid, 0)
        for number in range(1, _MORE_STARTS * self.settings.restarts):
            if number >= self.settings.restarts and best.score < _POOR:
                break
            best = min(best, self._fit_start(label, pool, grid, number), key=lambda candidate: candidate.score)
        return best

    def _add_candidate(self, name: str, compute: Callable[[], tuple[Candidate, Sequence[ModeScore]]]) -> Candidate:
        known = [candidate for candidate in self.found.candidates if candidate.name == name]
        if known:
            return known[0]
        candidate, choices = self.cached(name, compute)
        self.found.candidates.append(candidate)
        self.found.choices += choices
        return candidate

    def _fit_start(self, label: str, pool: Sequence[str], grid: int, number: int) -> Candidate:
        return self._fit(self._start(label, pool, grid, number), "full", self.settings.steps)

    def _start(self, label: str, pool: Sequence[str], grid: int, number: int) -> Candidate:
        """Return a network of random weights."""
        generator = torch.Generator().manual_seed(self.settings.seed * 1000 + number)
        plans = plan_network(self.shape, pool, grid=grid, level=self.settings.level)
        network = project_network(SKAN(plans, generator).to(self.problem.x), self.problem.x, bounds=self.problem.bounds)
        return Candidate(label, network, math.inf)

    def _fit_finer(self, candidate: Candidate, grids: Sequence[int]) -> Candidate:
        """Fit on finer and finer grids; return the best candidate."""
        best = candidate
        for grid in grids:
            if best.score < _EXACT:
                break
            candidate = self._fit_on_grid(candidate, grid)
            best = min(best, candidate, key=lambda one: one.score)
        return replace(best, steps=candidate.steps)

    def _fit_on_grid(self, candidate: Candidate, grid: int) -> Candidate:
        """Fit on another grid, twice, as the ranges of hidden nodes change during the fit; return the candidate."""
        for _ in range(2):
            candidate = self._fit(self._projected(candidate, grid=grid), f"grid {grid}", self.settings.steps)
        return candidate

    def _compare_modes(
        self, candidate: Candidate, options: Sequence[Sequence[Sequence[str]]], choices: list[ModeScore]
    ) -> Candidate:
        """Compare the modes of each node by a few steps of each; return the candidate with the best ones."""
        for layer, nodes in enumerate(options):
            for node, names in enumerate(nodes):
                here = candidate.network.plans[layer].modes[node][0]
                tried = {here: candidate}
                for name in names:
                    if name == here:
                        continue
                    modes = [[names[0] for names in plan.modes] for plan in candidate.network.plans]
                    modes[layer][node] = name
                    other = self._projected(candidate, modes=modes)
                    tried[name] = self._fit(other, "verify", _VERIFY_STEPS)
                better = min(tried, key=lambda name: tried[name].score)
                # The other mode had more steps than the present one: it must be clearly better.
                kept = better if tried[better].score < _BETTER_BY_SWAPPING * candidate.score else here
                choices += [
                    ModeScore(candidate.name, layer, node, name, None, None, math.sqrt(one.score), name == kept)
                    for name, one in tried.items()
                ]
                candidate = tried[kept]
        return candidate

    def _rank_modes(self, candidate: Candidate) -> tuple[list[list[list[str]]], list[ModeScore]]:
        """Return the modes of each node in the order of the variance that they contribute."""
        ranked: list[list[list[str]]] = []
        choices: list[ModeScore] = []
        inputs = candidate.network.layer_inputs(self.problem.x)
        for number, layer in enumerate(candidate.network.each_layer()):
            with torch.no_grad():
                contributed = layer.contributions(inputs[number])
                gates = layer.gates().mean(1)
            if self.settings.level == "layer":
                contributed = contributed.sum(0, keepdim=True).expand_as(contributed)
            order = (contributed if self.settings.select == "validated" else gates).argsort(dim=1, descending=True)
            ranked.append([[layer.plan.pool[m] for m in row] for row in order.tolist()])
            for node, modes in enumerate(ranked[-1]):
                choices += [
                    ModeScore(
                        candidate.name,
                        number,
                        node,
                        name,
                        float(gates[node, layer.plan.pool.index(name)]),
                        float(contributed[node, layer.plan.pool.index(name)]),
                        None,
                        place == 0,
                    )
                    for place, name in enumerate(modes)
                ]
        return ranked, choices

    def _projected(
        self, candidate: Candidate, *, grid: int | None = None, modes: Sequence[Sequence[str]] | None = None
    ) -> Candidate:
        network = project_network(candidate.network, self.problem.x, grid=grid, modes=modes, bounds=self.problem.bounds)
        return Candidate(candidate.name, network, math.inf, candidate.steps)

    def _fit(
        self, candidate: Candidate, phase: str, steps: int, *, penalty: Penalty = NO_PENALTY, tau: float = 1.0
    ) -> Candidate:
        return fit_candidate(
            self.problem, candidate, phase, steps, penalty=penalty, tau=tau, optimiser=self.settings.optimiser
        )
