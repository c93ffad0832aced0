"""Full, selective and pruning phases of S-KAN, with a selection that is validated rather than read off the gates.

The paper trains the whole pool, lets gates select, and prunes. Gates alone can pick a mixture that is worse than one
good space everywhere; so here the two modes that contribute most are fitted and compared at every node, and the result
is the best, on validation data, of the mixed network, what improves on the best homogeneous one node by node, and the
homogeneous networks themselves.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from threadpoolctl import threadpool_limits

from vision_cli.core.compute.devices import one_thread_below
from vision_cli.kan_fit.networks.dense import SKAN, plan_network, reshape
from vision_cli.kan_fit.networks.spaces import SPACES
from vision_cli.kan_fit.options import SearchOptions
from vision_cli.kan_fit.tables.candidates import Candidate, Problem, fit_candidate
from vision_cli.kan_fit.tables.levenberg_marquardt import NO_PENALTY, Penalty
from vision_cli.kan_fit.tables.optimisers import LM_PARAMETERS

MIXED, SWAPPED, FULL = "mixed", "swapped", "full pool"

_GROUP = 1e-4
_ENTROPY = 1e-3
_TEMPERATURES = (1.0, 0.5, 0.2, 0.1)
_SCOUTED_GRIDS = 2
_SHAPES = 2
# Squared residuals of a target of unit variance: a numerical one, and how much more is still close.
_EXACT = 1e-14
_CLOSE = 2.0
_SIMPLE = 1e-12
_PROMISING = 1e6
_ROWS_FOR_THREADS = 20_000
_PRUNED_SHARE = 0.01
_WORSE_BY_PRUNING = 1.01
_BETTER_BY_SWAPPING = 0.9
_NOWHERE, _PATIENCE = 0.1, 3
_VERIFY_STEPS = 5
ROWS_A_PARAMETER = 3
_ROWS_A_SQUARED_DEGREE = 4


@dataclass(frozen=True)
class Choice:
    """A row of the selection table: a mode of a node, and what speaks for it."""

    candidate: str
    layer: int
    node: int
    mode: str
    gate: float | None
    contribution: float | None
    val: float | None
    kept: bool


@dataclass
class Selection:
    """All that a search found.

    Attributes
    ----------
    candidates
        Every network, in the order it was fitted.
    choices
        What was compared at the nodes.
    pruned
        The best one without the edges that do little; None where that validates worse or there are none.
    is_cut_short
        Whether the time was up before all was tried.
    """

    candidates: list[Candidate] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    pruned: Candidate | None = None
    is_cut_short: bool = False

    @property
    def best(self) -> Candidate:
        """The candidate that validated best, before pruning."""
        return min(self.candidates, key=lambda candidate: candidate.score)

    @property
    def final(self) -> Candidate:
        """What the search ends with."""
        return self.pruned or self.best


class OutOfBudget(Exception):
    """There is no time for a further candidate."""


class Remember(Protocol):
    """Keeps what was computed under a name, so that a resumed run need not compute it again."""

    def __call__(
        self, name: str, compute: Callable[[], tuple[Candidate, Sequence[Choice]]]
    ) -> tuple[Candidate, Sequence[Choice]]:
        """Return what stands under a name, computed now if nothing does and there is time; else raise `OutOfBudget`."""
        ...


def search(problem: Problem, widths: Sequence[Sequence[int]], settings: SearchOptions, remember: Remember) -> Selection:
    """Fit networks of several widths and select.

    Homogeneous networks of all widths are scouted on the two coarsest grids. The width that validates best for a space
    goes on to finer grids, and so does the second best if it was close. The widths that validate best over all spaces
    go through the phases, where the residual has not become a numerical one before.

    Parameters
    ----------
    problem
        The data.
    widths
        Hidden widths to try.
    settings
        Pool, phases and optimiser.
    remember
        Where finished candidates are kept.

    Raises
    ------
    NumericalError
        If a loss does not stay finite.
    Interrupted
        If a signal asks to stop.
    """
    found = Selection()
    inputs, outputs = problem.x.shape[1], problem.y.shape[1]
    workers = [_Worker(problem, (inputs, *hidden, outputs), settings, remember, found) for hidden in widths]
    workers = [worker for worker in workers if worker.fits()] or [min(workers, key=lambda worker: sum(worker.shape))]
    # Matrices of a few hundred rows: several threads would wait for each other longer than they compute.
    with threadpool_limits(1), one_thread_below(len(problem.x), _ROWS_FOR_THREADS):
        try:
            _search(problem, workers, settings, remember, found)
        except OutOfBudget:
            found.is_cut_short = True
            found.candidates += [one for worker in workers for one in worker.scouted.values()]
    return found


def _search(
    problem: Problem, workers: Sequence[_Worker], settings: SearchOptions, remember: Remember, found: Selection
) -> None:
    if settings.select == "validated":
        for space in settings.pool:
            _follow(space, workers)
    ranked = sorted(workers, key=lambda worker: worker.scout())
    for number, worker in enumerate(ranked[:_SHAPES]):
        is_done = bool(found.candidates) and found.best.score < _SIMPLE
        if is_done or (number and worker.scout() > _CLOSE * ranked[0].scout()):
            break
        worker.mix()
    best = found.best
    pruned, _ = remember(f"pruned {best.name}", lambda: (_prune(problem, best, settings), ()))
    is_smaller = pruned.network.parameters_in_use() < best.network.parameters_in_use()
    if is_smaller and pruned.score <= best.score * _WORSE_BY_PRUNING:
        found.pruned = pruned


def _follow(space: str, workers: Sequence[_Worker]) -> None:
    """Fit the homogeneous networks that a search with this space alone would fit: the guarantee rests on them."""
    for worker in workers:
        worker.scout()
    ranked = sorted(workers, key=lambda worker: worker.scouted[space].score)
    least = ranked[0].scouted[space].score
    for worker in workers:
        is_simpler = sum(worker.shape) < sum(ranked[0].shape)
        is_promising = worker.scouted[space].score < _PROMISING * max(least, _SIMPLE)
        if is_simpler and is_promising and worker.climb(space) < _SIMPLE:
            # A simpler network that is exact for all practical purposes is what a reader wants to see.
            return
    for number, worker in enumerate(ranked[:_SHAPES]):
        if number and worker.scouted[space].score > _CLOSE * least:
            return
        if worker.climb(space) < _EXACT:
            return


def grids_for(problem: Problem, shape: Sequence[int], pool: Sequence[str], refine: Sequence[int]) -> tuple[int, ...]:
    """Leave away the grids with more parameters than a third of the rows, or than the optimiser takes.

    Polynomials of a degree whose square comes near the number of rows are left away, too: they swing between the last
    row and the end of the range, where neither training nor validation data see it.
    """
    limit = min(problem.y.numel() / ROWS_A_PARAMETER, LM_PARAMETERS)
    polynomials = [SPACES[name] for name in pool if SPACES[name].kind == "polynomial"]

    def is_fine(grid: int) -> bool:
        if any(_ROWS_A_SQUARED_DEGREE * space.count(grid) ** 2 > len(problem.y) for space in polynomials):
            return False
        return SKAN(plan_network(shape, pool, grid=grid)).parameters_in_use() <= limit

    return tuple(grid for grid in refine if is_fine(grid)) or (min(refine),)


def _name(shape: Sequence[int], pool: str) -> str:
    return f"{'-'.join(map(str, shape))} {pool}"


class _Worker:
    """Fits the candidates of one shape."""

    def __init__(
        self, problem: Problem, shape: Sequence[int], settings: SearchOptions, remember: Remember, found: Selection
    ) -> None:
        self.problem, self.shape, self.settings = problem, tuple(shape), settings
        self.remember, self.found = remember, found
        self.scouted: dict[str, Candidate] = {}
        self.climbed: dict[str, Candidate] = {}

    def fits(self) -> bool:
        """Whether the rows are enough for the coarsest grid."""
        count = SKAN(plan_network(self.shape, self.settings.pool[:1], grid=self.settings.grids[0])).parameters_in_use()
        return count * ROWS_A_PARAMETER <= self.problem.y.numel()

    def scout(self) -> float:
        """Fit the homogeneous networks on the coarsest grids; return the score of the best."""
        if self.settings.select != "validated":
            return 0.0
        for name in self.settings.pool:
            if name not in self.scouted:
                label = f"{_name(self.shape, name)}, coarse"
                self.scouted[name], _ = self.remember(label, lambda name=name: (self._scout(name), ()))  # type: ignore[misc]
        return min(candidate.score for candidate in self.scouted.values())

    def climb(self, space: str) -> float:
        """Take the scouted network of a space to the finest grid; return its score."""
        if space not in self.climbed:
            self.climbed[space] = self._add(_name(self.shape, space), lambda: (self.homogeneous(space), ()))
        return self.climbed[space].score

    def mix(self) -> None:
        """Fit the networks that are no homogeneous ones."""
        pool, select = self.settings.pool, self.settings.select
        if len(pool) == 1:
            self.scout()
            self.climb(pool[0])
        elif select == "none":
            self._add(_name(self.shape, FULL), lambda: (self.full(), ()))
        elif select == "gate":
            self._add(_name(self.shape, MIXED), self.mixed)
        else:
            if not self.climbed:
                self.climb(min(self.scouted, key=lambda name: self.scouted[name].score))
            start = min(self.climbed.values(), key=lambda candidate: candidate.score)
            if start.score > _EXACT:
                self._add(_name(self.shape, MIXED), self.mixed)
                self._add(_name(self.shape, SWAPPED), lambda: self.swapped(start))

    def homogeneous(self, name: str) -> Candidate:
        """Take the scouted network of one space to finer and finer grids."""
        scouted = self.scouted[name]
        start = Candidate(_name(self.shape, name), scouted.network, scouted.score, scouted.steps)
        grids = grids_for(self.problem, self.shape, [name], self.settings.grids)
        return self._climb(start, grids[_SCOUTED_GRIDS:])

    def full(self) -> Candidate:
        """Fit the whole pool with soft gates: the full phase alone, on finer and finer grids."""
        grids = grids_for(self.problem, self.shape, self.settings.pool, self.settings.grids)
        return self._climb(self._begin(_name(self.shape, FULL), self.settings.pool, grids[0]), grids)

    def mixed(self) -> tuple[Candidate, list[Choice]]:
        """Go through the phases: full, selective with verification, pruned to one mode a node on finer grids."""
        label, pool, steps = _name(self.shape, MIXED), self.settings.pool, self.settings.steps
        grids = grids_for(self.problem, self.shape, pool[:1], self.settings.grids)
        candidate = self._begin(label, pool, grids[0])
        for share in (0.5, 1.0):
            penalty = Penalty(group=_GROUP, entropy=share * _ENTROPY)
            candidate = self._fit(candidate, "full", steps // 2, penalty=penalty)
        for tau in _TEMPERATURES:
            penalty = Penalty(group=_GROUP, entropy=_ENTROPY)
            candidate = self._fit(candidate, "selective", steps // 3, penalty=penalty, tau=tau)
        ranked, choices = self._rank(candidate)
        candidate = self._reshaped(candidate, modes=[[names[0] for names in layer] for layer in ranked])
        candidate = self._fit(candidate, "pruned", steps)
        options = [[names[:2] for names in layer] for layer in ranked]
        if self.settings.select == "validated":
            candidate = self._verify(candidate, options, choices)
        candidate = self._climb(candidate, grids[1:])
        if self.settings.select == "validated":
            candidate = self._verify(candidate, options, choices)
        return candidate, choices

    def swapped(self, start: Candidate) -> tuple[Candidate, list[Choice]]:
        """Try every other mode at every node of a homogeneous network, node by node."""
        candidate = Candidate(_name(self.shape, SWAPPED), start.network, start.score)
        options = [[list(self.settings.pool) for _ in layer.modes] for layer in start.network.plans]
        choices: list[Choice] = []
        candidate = self._verify(candidate, options, choices)
        return self._fit(candidate, "pruned", self.settings.steps), choices

    def _scout(self, name: str) -> Candidate:
        grids = grids_for(self.problem, self.shape, [name], self.settings.grids)
        return self._climb(self._begin(_name(self.shape, name), (name,), grids[0]), grids[1:_SCOUTED_GRIDS])

    def _begin(self, label: str, pool: Sequence[str], grid: int) -> Candidate:
        """Fit from several start values, and from some more where all of them lead nowhere; return the best."""
        best = self._start(label, pool, grid, 0)
        for number in range(1, _PATIENCE * self.settings.restarts):
            if number >= self.settings.restarts and best.score < _NOWHERE:
                break
            best = min(best, self._start(label, pool, grid, number), key=lambda candidate: candidate.score)
        return best

    def _add(self, name: str, compute: Callable[[], tuple[Candidate, Sequence[Choice]]]) -> Candidate:
        known = [candidate for candidate in self.found.candidates if candidate.name == name]
        if known:
            return known[0]
        candidate, choices = self.remember(name, compute)
        self.found.candidates.append(candidate)
        self.found.choices += choices
        return candidate

    def _start(self, label: str, pool: Sequence[str], grid: int, number: int) -> Candidate:
        generator = torch.Generator().manual_seed(self.settings.seed * 1000 + number)
        plans = plan_network(self.shape, pool, grid=grid, level=self.settings.level)
        network = reshape(SKAN(plans, generator).to(self.problem.x), self.problem.x, bounds=self.problem.bounds)
        return self._fit(Candidate(label, network, math.inf), "full", self.settings.steps)

    def _climb(self, candidate: Candidate, grids: Sequence[int]) -> Candidate:
        """Refine grid by grid; the best on the way is kept."""
        best = candidate
        for grid in grids:
            if best.score < _EXACT:
                break
            candidate = self._refined(candidate, grid)
            best = min(best, candidate, key=lambda one: one.score)
        return Candidate(best.name, best.network, best.score, candidate.steps)

    def _refined(self, candidate: Candidate, grid: int) -> Candidate:
        """Fit on another grid, twice: the ranges of hidden nodes move with the fit."""
        for _ in range(2):
            candidate = self._fit(self._reshaped(candidate, grid=grid), f"grid {grid}", self.settings.steps)
        return candidate

    def _verify(
        self, candidate: Candidate, options: Sequence[Sequence[Sequence[str]]], choices: list[Choice]
    ) -> Candidate:
        """Compare modes node by node: each gets a few steps from the function that is there."""
        for layer, nodes in enumerate(options):
            for node, names in enumerate(nodes):
                here = candidate.network.plans[layer].modes[node][0]
                tried = {here: candidate}
                for name in names:
                    if name == here:
                        continue
                    modes = [[names[0] for names in plan.modes] for plan in candidate.network.plans]
                    modes[layer][node] = name
                    other = self._reshaped(candidate, modes=modes)
                    tried[name] = self._fit(other, "verify", _VERIFY_STEPS)
                rival = min(tried, key=lambda name: tried[name].score)
                # What is there has had as many steps: a swap must be worth more than these.
                kept = rival if tried[rival].score < _BETTER_BY_SWAPPING * candidate.score else here
                choices += [
                    Choice(candidate.name, layer, node, name, None, None, math.sqrt(one.score), name == kept)
                    for name, one in tried.items()
                ]
                candidate = tried[kept]
        return candidate

    def _rank(self, candidate: Candidate) -> tuple[list[list[list[str]]], list[Choice]]:
        """Order the modes of every node by the variance that they contribute."""
        ranked: list[list[list[str]]] = []
        choices: list[Choice] = []
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
                    Choice(
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

    def _reshaped(
        self, candidate: Candidate, *, grid: int | None = None, modes: Sequence[Sequence[str]] | None = None
    ) -> Candidate:
        network = reshape(candidate.network, self.problem.x, grid=grid, modes=modes, bounds=self.problem.bounds)
        return Candidate(candidate.name, network, math.inf, candidate.steps)

    def _fit(
        self, candidate: Candidate, phase: str, steps: int, *, penalty: Penalty = NO_PENALTY, tau: float = 1.0
    ) -> Candidate:
        return fit_candidate(
            self.problem, candidate, phase, steps, penalty=penalty, tau=tau, optimiser=self.settings.optimiser
        )


def _prune(problem: Problem, best: Candidate, settings: SearchOptions) -> Candidate:
    """Remove edges that vary by less than a hundredth of their layer's largest, and fit what is left."""
    network = reshape(best.network, problem.x, bounds=problem.bounds)
    with torch.no_grad():
        for layer, spread in zip(network.each_layer(), network.edge_spreads(problem.x), strict=True):
            layer.edges[spread < _PRUNED_SHARE * spread.max()] = 0
        for before, after in itertools.pairwise(network.each_layer()):
            # Nodes that nothing comes out of need nothing to go in.
            before.edges[:, after.edges.sum(1) == 0] = 0
    candidate = Candidate(f"{best.name}, pruned", network, math.inf, best.steps)
    return fit_candidate(problem, candidate, "pruned", settings.steps, optimiser=settings.optimiser)
