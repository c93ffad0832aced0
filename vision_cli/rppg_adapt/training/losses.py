"""Power spectra of waves, the frequency-domain Wasserstein distance (FWD) between them, and the two losses.

FWD is SFDA-rPPG's (arXiv:2409.12040): the Wasserstein distance between normalised power spectra. The paper's weights
and further terms were not available; those here are derived from its description, see the README of the task. Spectra
are ``(B, K)`` on a uniform grid of frequencies, and sum to 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from vision_cli.rppg_adapt.networks.tstc import BranchWaves
from vision_cli.rppg_adapt.options import Distance, LossOptions, Solver

BAND_HZ = (0.5, 3.5)
_RESOLUTION_HZ = 1 / 60
_SMALL = 1e-12
_PRIOR_HZ = (0.7, 3.0)
_PEAK_WIDTH_HZ = 0.12


@dataclass(frozen=True)
class Spectra:
    """Normalised power spectra.

    Attributes
    ----------
    frequencies
        ``(K,)`` Hz, uniformly spaced.
    power
        ``(B, K)``; each row sums to 1.
    """

    frequencies: Tensor
    power: Tensor

    @property
    def step(self) -> float:
        """Grid step in Hz."""
        return float(self.frequencies[1] - self.frequencies[0])


def integrated(waves: Tensor) -> Tensor:
    """Return waves ``(B, T)`` of their derivatives ``(B, T)``: detrended cumulative sums."""
    return waves.cumsum(-1) @ _detrending(waves.shape[-1], waves.device, waves.dtype)


def power_spectra(
    waves: Tensor, fps: float, *, band: tuple[float, float] = BAND_HZ, resolution: float = _RESOLUTION_HZ
) -> Spectra:
    """Return the normalised power spectra of waves.

    Parameters
    ----------
    waves
        ``(B, T)``; their linear trend is removed, then they are multiplied by a Hann window.
    fps
        Samples per second.
    band
        Lowest and highest frequency in Hz.
    resolution
        Largest grid step in Hz, by zero padding.
    """
    samples = waves.shape[-1]
    line = torch.linspace(-1, 1, samples, device=waves.device, dtype=waves.dtype)
    flat = waves - waves.mean(-1, keepdim=True)
    flat = flat - (flat * line).sum(-1, keepdim=True) / (line * line).sum() * line
    count = max(samples, round(fps / resolution))
    window = torch.hann_window(samples, periodic=False, device=waves.device, dtype=waves.dtype)
    power = torch.fft.rfft(flat * window, count).abs() ** 2
    frequencies = torch.fft.rfftfreq(count, 1 / fps, device=waves.device, dtype=waves.dtype)
    inside = (frequencies >= band[0] - 1e-6) & (frequencies <= band[1] + 1e-6)
    kept = power[..., inside]
    return Spectra(frequencies[inside], kept / (kept.sum(-1, keepdim=True) + _SMALL))


def fwd(p: Tensor, q: Tensor, step: float, *, order: int = 1, solver: Solver = "cdf") -> Tensor:
    """Return the frequency-domain Wasserstein distance of spectra ``(B, K)``, ``(B,)``, in the unit of ``step``.

    Parameters
    ----------
    p, q
        Normalised spectra on the same grid.
    step
        Grid step.
    order
        Exponent of the cost, 1 or larger.
    solver
        ``cdf`` is the closed form in one dimension; ``pot`` calls POT (`ot.wasserstein_1d`).
    """
    if solver == "pot":
        return _fwd_pot(p, q, step, order)
    if order == 1:
        return (p.cumsum(-1) - q.cumsum(-1)).abs().sum(-1) * step
    return _fwd_quantiles(p, q, step, order)


def peak_share(spectra: Spectra) -> Tensor:
    """Return the share of the power near the highest peak, ``(B,)``."""
    f, power = spectra.frequencies, spectra.power
    peak = f[power.detach().argmax(-1)][:, None]
    near = ((f[None] - peak).abs() < _PEAK_WIDTH_HZ).to(power.dtype)
    return (power * near).sum(-1)


def push_forward(spectra: Spectra, factors: Tensor) -> Tensor:
    """Return the spectra of the waves played faster by ``factors`` ``(B,)``, normalised on the band, ``(B, K)``."""
    f, power = spectra.frequencies, spectra.power
    # The density at frequency g comes from g / factor.
    place = (f[None] / factors[:, None] - f[0]) / spectra.step
    lower = place.floor().long().clamp(0, len(f) - 2)
    share = (place - lower).clamp(0, 1)
    moved = power.gather(1, lower) * (1 - share) + power.gather(1, lower + 1) * share
    moved = moved * ((place >= 0) & (place <= len(f) - 1))
    return moved / (moved.sum(-1, keepdim=True) + _SMALL)


def common_band(spectra: Spectra, factors: Tensor) -> Tensor:
    """Return spectra normalised on the part of the band that `push_forward` can reach, ``(B, K)``."""
    f = spectra.frequencies[None] / factors[:, None]
    kept = spectra.power * ((f >= spectra.frequencies[0]) & (f <= spectra.frequencies[-1]))
    return kept / (kept.sum(-1, keepdim=True) + _SMALL)


def distance(p: Tensor, q: Tensor, step: float, kind: Distance, *, order: int = 1, solver: Solver = "cdf") -> Tensor:
    """Return a distance of spectra ``(B, K)``, ``(B,)``: FWD, or one of its baselines."""
    if kind == "fwd":
        return fwd(p, q, step, order=order, solver=solver)
    if kind == "mse":
        # Multiplied by K, so that the distance does not depend on the grid.
        return ((p - q) ** 2).sum(-1) * p.shape[-1]
    if kind == "kl":
        return _relative_entropy(p, q)
    middle = 0.5 * (p + q)
    return 0.5 * (_relative_entropy(p, middle) + _relative_entropy(q, middle))


def correlation(x: Tensor, y: Tensor) -> Tensor:
    """Return Pearson's correlation of waves ``(B, T)``, ``(B,)``."""
    x, y = x - x.mean(-1, keepdim=True), y - y.mean(-1, keepdim=True)
    found: Tensor = (x * y).sum(-1) / (x.norm(dim=-1) * y.norm(dim=-1) + _SMALL)
    return found


@dataclass(frozen=True)
class SourceLoss:
    """Supervised loss: ``(1 - r) + 0.2 CE(heart rate | P) + 0.5 FWD(P, P_true)``.

    Attributes
    ----------
    fps
        Frames per second.
    entropy, transport
        Weights of the second and third term.
    """

    fps: float = 30.0
    entropy: float = 0.2
    transport: float = 0.5

    def __call__(self, derivative: Tensor, wave: Tensor) -> dict[str, Tensor]:
        """Return the loss of predicted derivatives ``(B, T)`` for true waves ``(B, T)``, and the mean of each term."""
        true_derivative = functional.pad(wave[:, 1:] - wave[:, :-1], (0, 1))
        found = power_spectra(integrated(derivative), self.fps)
        true = power_spectra(wave, self.fps)
        disagreement = (1 - correlation(derivative, true_derivative)).mean()
        rate = true.power.argmax(-1, keepdim=True)
        surprise = -(found.power.gather(1, rate) + 1e-8).log().mean()
        moved = fwd(found.power, true.power, found.step).mean()
        total = disagreement + self.entropy * surprise + self.transport * moved
        return {"loss": total, "disagreement": disagreement, "cross_entropy": surprise, "fwd_bpm": 60 * moved}


@dataclass(frozen=True)
class Anchor:
    """Targets of the original branch.

    Attributes
    ----------
    power
        ``(B, K)`` normalised spectra on the grid of `power_spectra`.
    confidence
        ``(B,)`` confidence of each target, 0 to 1.
    waves
        ``(B, T)`` derivatives of pulse waves as pseudo-labels, or None if only spectra are known.
    """

    power: Tensor
    confidence: Tensor
    waves: Tensor | None = None

    @staticmethod
    def of(waves: Tensor, confidence: Tensor, fps: float) -> Anchor:
        """Return the anchor of derivatives of waves ``(B, T)`` with confidences ``(B,)``."""
        return Anchor(power_spectra(integrated(waves), fps).power, confidence, waves)


@dataclass(frozen=True)
class AdaptationLoss:
    """Unsupervised loss of the three branches and an anchor.

    ``d(P, P_s) + d(r#P, P_t) + d(r#P_s, P_t) + a c d(P, P_anchor) + w (1 - r(y, y_s)) + p (prior of pulses)
    + l c (2 - r(y, y_anchor) - r(y_s, y_anchor))``

    Attributes
    ----------
    fps
        Frames per second.
    anchor, waveform, prior, pseudo_label
        Weights a, w, p and l; c is the confidence of the anchor.
    kind, order, solver
        The distance d.
    spatial, temporal
        Whether these branches are used.
    uses_training_free_anchor
        Whether the anchor comes from training-free methods, or else from the source model.
    """

    fps: float = 30.0
    anchor: float = 0.5
    waveform: float = 0.5
    prior: float = 0.3
    pseudo_label: float = 3.0
    kind: Distance = "mse"
    order: int = LossOptions.order
    solver: Solver = LossOptions.solver
    spatial: bool = True
    temporal: bool = True
    uses_training_free_anchor: bool = True

    @staticmethod
    def of(options: LossOptions, fps: float) -> AdaptationLoss:
        """Return the loss ``robust``, or ``paper``: FWD between the branches and to the source only."""
        loss = AdaptationLoss(
            fps,
            order=options.order,
            solver=options.solver,
            spatial="s" in options.branches,
            temporal="t" in options.branches,
        )
        if options.recipe == "paper":
            loss = replace(loss, kind="fwd", waveform=0.0, prior=0.0, pseudo_label=0.0, uses_training_free_anchor=False)
        return replace(
            loss,
            kind=loss.kind if options.distance is None else options.distance,
            anchor=loss.anchor if options.anchor is None else options.anchor,
        )

    def __call__(self, branches: BranchWaves, anchor: Anchor) -> dict[str, Tensor]:
        """Return the loss and its weighted terms.

        Parameters
        ----------
        branches
            Derivatives that the network predicts for the views, ``(B, T)`` each.
        anchor
            Targets of the original view.
        """
        original, spatial, temporal = (
            power_spectra(integrated(wave), self.fps)
            for wave in (branches.original, branches.spatial, branches.temporal)
        )
        terms: dict[str, Tensor] = {}
        if self.spatial:
            terms["spatial"] = self._distance(original.power, spatial.power, original.step).mean()
        if self.temporal:
            seen = common_band(temporal, branches.factors)
            views = [original, spatial] if self.spatial else [original]
            moved = [self._distance(push_forward(one, branches.factors), seen, one.step) for one in views]
            terms["temporal"] = torch.stack(moved).sum(0).mean()
        if self.anchor:
            away = self._distance(original.power, anchor.power, original.step)
            terms["anchor"] = self.anchor * (anchor.confidence * away).mean()
        if self.pseudo_label and anchor.waves is not None:
            waves = [branches.original, branches.spatial] if self.spatial else [branches.original]
            off = torch.stack([1 - correlation(wave, anchor.waves) for wave in waves]).sum(0)
            terms["pseudo_label"] = self.pseudo_label * (anchor.confidence * off).mean()
        if self.waveform and self.spatial:
            terms["waveform"] = self.waveform * (1 - correlation(branches.original, branches.spatial)).mean()
        if self.prior:
            terms["prior"] = self.prior * pulse_prior(original)
        return {"loss": torch.stack(list(terms.values())).sum(), **terms}

    def _distance(self, p: Tensor, q: Tensor, step: float) -> Tensor:
        return distance(p, q, step, self.kind, order=self.order, solver=self.solver)


def pulse_prior(spectra: Spectra) -> Tensor:
    """Return how unlike pulse spectra the spectra of a batch are.

    The sum of the power outside the band of heart rates, the power away from each spectrum's peak, and the distance of
    the batch's mean spectrum from a uniform one, which is large if all peaks are at the same rate. Source: J. Speth,
    N. Vance, P. Flynn and A. Czajka, "Non-contrastive unsupervised learning of physiological signals from video"
    (SiNC), CVPR 2023, eq. 2-5.
    """
    f, power = spectra.frequencies, spectra.power
    inside = (f >= _PRIOR_HZ[0]) & (f <= _PRIOR_HZ[1])
    bandwidth = power[:, ~inside].sum(-1).mean()
    sparsity = (1 - peak_share(spectra)).mean()
    even = inside.to(power.dtype)[None] / inside.sum()
    spread = fwd(power.mean(0, keepdim=True), even, spectra.step).mean()
    return bandwidth + sparsity + spread


def _fwd_quantiles(p: Tensor, q: Tensor, step: float, order: int) -> Tensor:
    """Return the distance from both quantile functions, over the union of their steps; differentiable in p and q."""
    below_p, below_q = p.cumsum(-1), q.cumsum(-1)
    levels = torch.cat([below_p, below_q], -1).sort(-1).values
    widths = torch.diff(levels, dim=-1, prepend=torch.zeros_like(levels[:, :1]))
    with torch.no_grad():
        middle = levels - 0.5 * widths
        last = p.shape[-1] - 1
        places = [torch.searchsorted(c.contiguous(), middle).clamp(max=last) for c in (below_p, below_q)]
        cost = (step * (places[0] - places[1]).abs().to(p.dtype)) ** order
    return ((widths * cost).sum(-1) + _SMALL) ** (1 / order)


def _fwd_pot(p: Tensor, q: Tensor, step: float, order: int) -> Tensor:
    import ot

    places = (step * torch.arange(p.shape[-1], device=p.device, dtype=p.dtype))[:, None].expand(-1, len(p))
    cost = ot.wasserstein_1d(places, places, p.T.contiguous(), q.T.contiguous(), p=order)
    distances: Tensor = (cost + _SMALL) ** (1 / order) if order > 1 else cost
    return distances


def _relative_entropy(p: Tensor, q: Tensor) -> Tensor:
    return (p * ((p + 1e-8).log() - (q + 1e-8).log())).sum(-1)


@lru_cache(maxsize=16)
def _detrending(samples: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return the matrix ``(T, T)`` that detrends by smoothness priors with lambda 100: below about 0.5 Hz at 30 Hz.

    Source: M. Tarvainen, P. Ranta-aho and P. Karjalainen, "An advanced detrending method with application to HRV
    analysis", IEEE TBME 2002, eq. 19.
    """
    second = torch.diff(torch.eye(samples, dtype=torch.float64), n=2, dim=0)
    eye = torch.eye(samples, dtype=torch.float64)
    smooth: Tensor = torch.linalg.inv(eye + 100.0**2 * second.T @ second)
    return (eye - smooth).to(device, dtype)
