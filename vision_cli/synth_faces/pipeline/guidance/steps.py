"""Semantic guidance (SynFER, section 3.3): in late steps the loss of a recogniser on the predicted face is lowered.

The paper prints the update of the text with a plus, ``c + lambda * grad L / |grad L|``, which would raise the loss
``L = -sum(y log p)``; here it is a minus. Which part of the gradient is normalised it does not say: each token of the
text is here, as in the only public reimplementation, and each sample of the latents.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor

from vision_cli.core.errors import UsageError
from vision_cli.synth_faces.options.generating import GuidanceTarget

Outcome = Literal["guided", "recognised", "rising", "not finite", "no label"]
"""Of a sample: guided still, seen as asked for, given up as its loss rises, to be made again in float32, or never
guided."""

_ENOUGH = 0.9
_PATIENCE = 2
_TINY = 1e-12

Predict = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""From latents ``(B, 4, s, s)``, time step, text ``(B, T, C)`` and the numbers of these samples in the state ``(B,)``,
to the prediction of the UNet, under the text and whatever else the samples have."""


@dataclass(frozen=True)
class GuideState:
    """Samples between two steps.

    Attributes
    ----------
    latents
        ``(B, 4, s, s)``.
    text
        Contexts of the samples, without those of the negative prompt, ``(B, T, C)``.
    outcomes
        One a sample.
    first_loss, last_loss
        Of the guide, nats, ``(B,)``; NaN before the first step of guidance.
    rises
        Steps in a row in which the loss has risen, ``(B,)``.
    predicted
        Predictions of the UNet in the step of guidance, by sample, each ``(4, s, s)``: under the text before it was
        moved, which counts from the next step on, as in the paper. The sampler need not compute them again. Those of
        moved latents are none.
    """

    latents: Tensor = field(repr=False)
    text: Tensor = field(repr=False)
    outcomes: tuple[Outcome, ...]
    first_loss: Tensor = field(repr=False)
    last_loss: Tensor = field(repr=False)
    rises: Tensor = field(repr=False)
    predicted: Mapping[int, Tensor] = field(default_factory=dict, repr=False)

    @property
    def failed(self) -> tuple[int, ...]:
        """Numbers of the samples whose loss or gradient was not finite."""
        return tuple(row for row, outcome in enumerate(self.outcomes) if outcome == "not finite")


def first_state(latents: Tensor, text: Tensor, wanted: Tensor) -> GuideState:
    """Return the state of samples before their first step; see `GuideState` and `SemanticGuidance`."""
    count = len(latents)
    unknown = torch.full((count,), torch.nan)
    outcomes: list[Outcome] = ["guided" if total > 0 else "no label" for total in wanted.sum(dim=1).tolist()]
    return GuideState(latents, text, tuple(outcomes), unknown, unknown, torch.zeros(count, dtype=torch.int64))


@dataclass(frozen=True)
class SemanticGuidance:
    """What samples are guided by.

    Attributes
    ----------
    predict
        The UNet.
    see
        From latents without noise ``(B, 4, s, s)`` and the numbers of these samples, ``(B,)``, to the logits of a
        recogniser, ``(B, K)``; samples may not depend on each other.
    wanted
        Share of each class that is asked for, ``(B, K)``, rows of sum 1, or 0 for samples that are not guided.
    alphas_cumprod
        Share of the face in the variance, by time step.
    prediction_type
        Of the UNet: ``epsilon``, ``v_prediction`` or ``sample``.
    target
        What is moved.
    scale
        Length of a step: of each token's vector of text, and root mean square of a sample's latents as a share of that
        of their noise.
    enough
        Probability of the class asked for at which a sample is let go.
    patience
        Steps in a row with a rising loss after which a sample is let go.
    """

    predict: Predict = field(repr=False)
    see: Callable[[Tensor, Tensor], Tensor] = field(repr=False)
    wanted: Tensor = field(repr=False)
    alphas_cumprod: Tensor = field(repr=False)
    prediction_type: str = "epsilon"
    target: GuidanceTarget = "text"
    scale: float = 0.1
    enough: float = _ENOUGH
    patience: int = _PATIENCE

    def guide_step(self, state: GuideState, time: Tensor) -> GuideState:
        """Return samples with text or latents moved down the gradient; call it before the step of the sampler.

        Each sample is moved as if it were alone. One that is let go keeps its text and latents as they are.

        Parameters
        ----------
        state
            The samples.
        time
            The time step that their latents are at.
        """
        rows = torch.tensor([row for row, one in enumerate(state.outcomes) if one == "guided"], dtype=torch.int64)
        if not len(rows):
            return replace(state, predicted={})
        places = rows.to(state.latents.device)
        latents, text = state.latents[places].detach(), state.text[places].detach()
        loss, chance, gradients, predicted = self._gradients(latents, text, time, places)
        finite = torch.isfinite(loss)
        for gradient in gradients.values():
            finite &= torch.isfinite(gradient).flatten(1).all(dim=1).cpu()
        previous, first = state.last_loss[rows], state.first_loss[rows]
        rises = torch.where(loss > previous, state.rises[rows] + 1, torch.zeros_like(rows))
        judged = zip(finite.tolist(), chance.tolist(), rises.tolist(), strict=True)
        new = [self._outcome(is_finite, seen, count) for is_finite, seen, count in judged]
        moved = torch.tensor([outcome == "guided" for outcome in new])
        outcomes = list(state.outcomes)
        for row, outcome in zip(rows.tolist(), new, strict=True):
            outcomes[row] = outcome
        kept = rows[moved]
        changed_text, changed_latents = state.text, state.latents
        if "text" in gradients:
            step = self.scale * _unit(gradients["text"], dims=(-1,))
            changed_text = _written(state.text, kept, (text - step)[moved.to(text.device)])
        if "latent" in gradients:
            noise = (1 - self._signal(time, latents)).sqrt()
            unit = _unit(gradients["latent"], dims=(1, 2, 3)) * gradients["latent"][0].numel() ** 0.5
            changed_latents = _written(
                state.latents, kept, (latents - self.scale * noise * unit)[moved.to(text.device)]
            )
        return replace(
            state,
            latents=changed_latents,
            text=changed_text,
            outcomes=tuple(outcomes),
            first_loss=_written(state.first_loss, rows, torch.where(torch.isfinite(first), first, loss)),
            last_loss=_written(state.last_loss, rows, loss),
            rises=_written(state.rises, rows, rises),
            predicted={
                row: one
                for row, one, is_finite, outcome in zip(rows.tolist(), predicted, finite.tolist(), new, strict=True)
                if is_finite and (outcome != "guided" or "latent" not in gradients)
            },
        )

    def _outcome(self, is_finite: bool, chance: float, rises: int) -> Outcome:
        if not is_finite:
            return "not finite"
        if chance > self.enough:
            return "recognised"
        return "rising" if rises >= self.patience else "guided"

    @torch.enable_grad()
    def _gradients(
        self, latents: Tensor, text: Tensor, time: Tensor, places: Tensor
    ) -> tuple[Tensor, Tensor, dict[str, Tensor], Tensor]:
        """Return losses, probabilities of what is asked for, ``(B,)`` on the CPU, gradients by target, predictions."""
        inputs: dict[str, Tensor] = {}
        if self.target in ("text", "both"):
            inputs["text"] = text = text.requires_grad_(True)
        if self.target in ("latent", "both"):
            inputs["latent"] = latents = latents.requires_grad_(True)
        predicted = self.predict(latents, time, text, places)
        clean = self.clean(latents, predicted, time)
        logits = self.see(clean, places).float()
        wanted = self.wanted.to(logits)[places.to(logits.device)]
        loss = -(wanted * logits.log_softmax(dim=1)).sum(dim=1)
        # Samples do not depend on each other: the gradient of the sum is that of each.
        found = torch.autograd.grad(loss.sum(), list(inputs.values()))
        chance = (logits.detach().softmax(dim=1) * (wanted > 0)).sum(dim=1)
        return loss.detach().cpu(), chance.cpu(), dict(zip(inputs, found, strict=True)), predicted.detach()

    def clean(self, latents: Tensor, predicted: Tensor, time: Tensor) -> Tensor:
        """Return the latents without noise that a prediction means, ``(B, 4, s, s)``.

        Raises
        ------
        UsageError
            If the prediction is of an unknown type.
        """
        signal = self._signal(time, latents)
        match self.prediction_type:
            case "epsilon":
                return (latents - (1 - signal).sqrt() * predicted) / signal.sqrt()
            case "v_prediction":
                return signal.sqrt() * latents - (1 - signal).sqrt() * predicted
            case "sample":
                return predicted
        raise UsageError(
            f"prediction of {self.prediction_type}; epsilon, v_prediction or sample expected.",
            hint="Use --no-sg with this model.",
        )

    def _signal(self, time: Tensor, like: Tensor) -> Tensor:
        return self.alphas_cumprod[int(time)].to(like.device, like.dtype)


def wanted_classes(labels: Sequence[Sequence[str]], classes: Sequence[str]) -> Tensor:
    """Return what is asked for as shares of the classes, ``(B, K)``.

    Parameters
    ----------
    labels
        Expressions of each sample: several of a compound one, which share alike; none of one that is not guided.
    classes
        Of the guide.

    Raises
    ------
    UsageError
        If a label is none of the classes.
    """
    wanted = torch.zeros(len(labels), len(classes))
    for row, parts in enumerate(labels):
        for name in parts:
            if name not in classes:
                raise UsageError(
                    f"--guide: a recogniser of {', '.join(classes)}; one of {name} too expected.",
                    hint="Use --no-sg, or a guide that was trained on this label.",
                )
            wanted[row, list(classes).index(name)] = 1 / len(parts)
    return wanted


def notes_of(state: GuideState, names: Sequence[str]) -> tuple[str, ...]:
    """Return a sentence on each sample whose guidance was given up, for the log."""
    sentences = []
    for row, (name, outcome) in enumerate(zip(names, state.outcomes, strict=True)):
        if outcome == "rising":
            first, last = float(state.first_loss[row]), float(state.last_loss[row])
            sentences.append(f"{name}: guidance stopped, as its loss rose ({first:.3g} at first, {last:.3g} nats now)")
        elif outcome == "not finite":
            sentences.append(f"{name}: guidance stopped at a loss or gradient that is not finite")
    return tuple(sentences)


def _unit(gradient: Tensor, dims: tuple[int, ...]) -> Tensor:
    """Return a gradient with norm 1 over some dimensions; 0 stays 0."""
    norm: Tensor = torch.linalg.vector_norm(gradient.float(), dim=dims, keepdim=True)
    return (gradient.float() / norm.clamp(min=_TINY)).to(gradient.dtype)


def _written(values: Tensor, rows: Tensor, new: Tensor) -> Tensor:
    """Return values with new rows."""
    return values.detach().index_copy(0, rows.to(values.device), new.detach().to(values))
