"""Diffusion as a backend of ``generate``: from wanted samples to pictures and how they were made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from vision_cli.core.compute.devices import Compute
from vision_cli.core.errors import InputError, NumericalError, UsageError, VcliError
from vision_cli.synth_faces.options.generating import DiffusionOptions
from vision_cli.synth_faces.pipeline.annotation import latents_of
from vision_cli.synth_faces.pipeline.backends import Painted
from vision_cli.synth_faces.pipeline.diffusion_files import LoadedDiffusion
from vision_cli.synth_faces.pipeline.guidance.decoders import AutoencoderDecoder, Decoder, fit_linear_decoder
from vision_cli.synth_faces.pipeline.guidance.guides import CutGuide
from vision_cli.synth_faces.pipeline.recogniser_files import LoadedRecogniser, read_recogniser
from vision_cli.synth_faces.pipeline.rendering import draw, face_of
from vision_cli.synth_faces.pipeline.sampling.choices import find_guide
from vision_cli.synth_faces.pipeline.sampling.conditions import Asked, Conditions, Guiding
from vision_cli.synth_faces.pipeline.sampling.faces import Sampled, sample
from vision_cli.synth_faces.pipeline.sampling.loop import Steps
from vision_cli.synth_faces.pipeline.sampling.opening import open_adapter, open_model
from vision_cli.synth_faces.plans.action_units import au_vector, completed_aus
from vision_cli.synth_faces.plans.captions import prompt_of
from vision_cli.synth_faces.plans.labels import parts_of
from vision_cli.synth_faces.plans.plan import Wanted
from vision_cli.synth_faces.plans.rows import NO_AUS, Guided
from vision_cli.synth_faces.plans.seeds import sample_seed
from vision_cli.synth_faces.values import AUS, Picture

NO_LAYOUT, RENDERED = "none", "render"
_FITTED = 64
"""Renders that a linear decoder is fitted on."""

_FIT_SEED = 2409
"""Of these renders; no sample of a plan has it."""

Layouts = Callable[[Wanted, int], tuple[str, Picture]]
"""Name and picture, ``(side, side, 3)``, of the face whose layout a sample takes, at a side."""


@dataclass(frozen=True)
class _Known:
    """What is asked for a sample, and the name of its layout."""

    sample_id: str
    asked: Asked
    layout_id: str


@dataclass(frozen=True)
class DiffusionBackend:
    """A latent diffusion model under text, action units and a guide.

    Attributes
    ----------
    loaded
        The model, with the adapter installed.
    options
        How it draws.
    conditions
        What it draws under beside text.
    adapter_sha256, guide_sha256
        Digests of these weights; empty where there are none.
    layouts
        None for noise alone.
    """

    loaded: LoadedDiffusion
    options: DiffusionOptions
    conditions: Conditions
    adapter_sha256: str = ""
    guide_sha256: str = ""
    layouts: Layouts | None = None

    @property
    def name(self) -> str:
        """Word of ``--backend``."""
        return "diffusion"

    @property
    def model(self) -> str:
        """Digest of the model."""
        return self.loaded.sha256

    @property
    def steps(self) -> Steps:
        """How samples are denoised."""
        own = self.options
        return Steps(own.steps, own.sampler, own.cfg, own.negative_prompt)

    def paint(self, wanted: Wanted) -> Painted:
        """Draw a sample, by itself, so that its bytes depend on no other.

        Raises
        ------
        NumericalError
            If its latents are not finite, in float32 either.
        UsageError
            If action units are asked for and there is no adapter, or an expression that the guide does not know.
        """
        (painted,) = self.paint_all([wanted])
        if isinstance(painted, VcliError):
            raise painted
        return painted

    def paint_all(self, batch: Sequence[Wanted]) -> list[Painted | VcliError]:
        """Draw samples at once; a sample that cannot be drawn has the error that `paint` would raise."""
        known = [self._asked(wanted) for wanted in batch]
        asked = [one.asked for one in known if isinstance(one, _Known)]
        drawn = sample(self.loaded, asked, self.steps, batch_size=len(asked), conditions=self.conditions)
        return [one if isinstance(one, VcliError) else self._painted(one, next(drawn)) for one in known]

    def _asked(self, wanted: Wanted) -> _Known | VcliError:
        layout_id, layout = ("", None) if self.layouts is None else self.layouts(wanted, self.loaded.side)
        try:
            asked = asked_of(wanted, has_adapter=self.conditions.adapter is not None, layout=layout)
        except VcliError as error:
            return error
        return _Known(wanted.sample_id, asked, layout_id)

    def _painted(self, known: _Known, made: Sampled) -> Painted | VcliError:
        if made.picture is None:
            hint = "Use --precision float32, or another --seed."
            return NumericalError(f"{known.sample_id}: {made.problem}.", hint=hint)
        own, asked = self.options, known.asked
        origin: dict[str, Any] = {
            "backend": self.name,
            "model": self.model,
            "prompt": asked.prompt,
            "negative_prompt": own.negative_prompt,
            "steps": own.steps,
            "cfg": own.cfg,
            "au_scale": own.au_scale if self.adapter_sha256 else None,
            "adapter": self.adapter_sha256,
            "layout_id": known.layout_id,
            "sg": self._guided(made),
        }
        return Painted(made.picture, asked.aus or NO_AUS, {}, origin)

    def _guided(self, made: Sampled) -> Guided | None:
        if made.outcome is None or made.outcome == "no label":
            return None
        own = self.options
        return Guided(
            start=own.sg_start,
            scale=own.sg_scale,
            target=own.sg_target,
            decoder=own.sg_decoder if own.sg_decoder in ("vae", "linear") else "tiny",
            guide=self.guide_sha256,
            loss_first=_rounded(made.first_loss),
            loss_last=_rounded(made.last_loss),
        )


def open_diffusion(options: DiffusionOptions, compute: Compute, *, layouts: Layouts | None = None) -> DiffusionBackend:
    """Return the backend that options ask for.

    Parameters
    ----------
    options
        How it draws.
    compute
        Where and in what numbers it is computed.
    layouts
        Of a data set; those of ``none`` and ``render`` are known here.

    Raises
    ------
    MissingError, InputError
        If weights are missing, damaged, or do not belong together.
    """
    model = open_model(options.model, compute)
    adapter = open_adapter(options.adapter, model, scale=options.au_scale)
    guiding, guide_sha256 = None, ""
    if options.sg:
        recogniser = open_guide(options.guide, compute)
        guide_sha256 = recogniser.sha256
        guiding = Guiding(
            CutGuide(recogniser.network, recogniser.about.side),  # type: ignore[arg-type]
            options.sg_target,
            options.sg_scale,
            options.sg_start,
            decoder_of(options.sg_decoder, model),
        )
    conditions = Conditions(None if adapter is None else adapter.adapter, guiding, options.invert_share)
    if layouts is None and options.layout == RENDERED:
        layouts = _rendered
    return DiffusionBackend(
        model, options, conditions, "" if adapter is None else adapter.sha256, guide_sha256, layouts
    )


def open_guide(choice: str, compute: Compute) -> LoadedRecogniser:
    """Return the recogniser of expressions that guides, or votes.

    Raises
    ------
    MissingError, InputError
        If it is missing, damaged, or a recogniser of action units.
    """
    return read_recogniser(find_guide(choice).path, what="expression", device=str(compute.device))


def asked_of(wanted: Wanted, *, has_adapter: bool, layout: Picture | None = None) -> Asked:
    """Return what a model is asked for: words of label and person, and the action units that the rig would show.

    Raises
    ------
    UsageError
        If action units are asked for and there is no adapter.
    """
    aus: tuple[float, ...] = ()
    if has_adapter and (wanted.label is not None or wanted.aus or not wanted.prompt):
        known = {name: value for name, value in face_of(wanted).aus.items() if name in AUS}
        aus = au_vector(completed_aus(known))
    elif wanted.aus:
        raise UsageError(
            f"{wanted.sample_id}: action units without an adapter; one expected.", hint="Leave out --adapter none."
        )
    expressions = parts_of(wanted.label) if wanted.label is not None else ()
    return Asked(prompt_of(wanted), wanted.seed, aus, tuple(expressions), layout)


def decoder_of(choice: str, model: LoadedDiffusion) -> Decoder | None:
    """Return what turns latents into pictures for a guide; None for the model's own autoencoder.

    Raises
    ------
    InputError
        If it is the directory of no tiny autoencoder.
    """
    if choice == "vae":
        return None
    if choice == "linear":
        pictures = [draw(one, model.side, studio=True).picture for one in _fitted()]
        latents = latents_of(model.parts.autoencoder, pictures)
        shown = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).to(latents).div(255)
        return fit_linear_decoder(latents, shown)
    from diffusers import AutoencoderTiny

    try:
        tiny = AutoencoderTiny.from_pretrained(choice, local_files_only=True, use_safetensors=True)
    # The library raises errors of many kinds for what it cannot read.
    except Exception as error:
        raise InputError(
            f"--sg-decoder {choice}: no directory of an AutoencoderTiny ({type(error).__name__}).",
            hint="Give vae, linear, or such a directory.",
        ) from error
    return AutoencoderDecoder(tiny.eval().to(model.device, model.dtype))


def _rendered(wanted: Wanted, side: int) -> tuple[str, Picture]:
    """Return the same person with a neutral face, in another pose and light."""
    seed = sample_seed(wanted.seed, 0, "layout")
    return RENDERED, draw(Wanted(0, seed, wanted.person_seed, "neutral"), side, studio=True).picture


def _fitted() -> list[Wanted]:
    return [
        Wanted(number, sample_seed(_FIT_SEED, number), sample_seed(_FIT_SEED, number, "person"))
        for number in range(_FITTED)
    ]


def _rounded(loss: float | None) -> float | None:
    return None if loss is None else round(loss, 4)
