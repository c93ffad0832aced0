"""Mini-SD: the parts of Stable Diffusion 1.5 in small, for faces of 64 or 128 px.

The autoencoder is of the kind of TAESD (`diffusers.AutoencoderTiny`), without normalisation: after 80 s on one core its
mean absolute error was 0.026 of white, that of an ``AutoencoderKL`` of 0.65 M parameters 0.037, which is no better than
the 16 x 16 means of the picture (0.036).

Stable Diffusion: R. Rombach et al., "High-resolution image synthesis with latent diffusion models", CVPR 2022.
Prediction of v: T. Salimans, J. Ho, "Progressive distillation", ICLR 2022. Noise up to no signal at all, and steps that
trail: S. Lin et al., "Common diffusion noise schedules and sample steps are flawed", WACV 2024, sections 3.1 and 3.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from vision_cli.synth_faces.networks.diffusion.words import LENGTH, build_tokenizer

LATENTS = 4
"""Channels of the latents of Stable Diffusion 1.5 and of ours."""

_TEXT_HEADS = 4


@dataclass(frozen=True)
class MiniShape:
    """Sizes of the parts.

    Attributes
    ----------
    side
        Of the pictures, px.
    autoencoder
        Channels of all its three levels, at the full, half and quarter side: a latent is a quarter of the side.
    unet
        Channels of its three levels, at a quarter, an eighth and a sixteenth of the side.
    heads
        Of the attention of these levels.
    context
        Channels of a token of text.
    text_layers, length
        Layers of the text encoder, and tokens of a text.
    latent_scale
        Factor that gives latents a standard deviation of 1; known once the autoencoder is trained.
    """

    side: int = 64
    autoencoder: int = 32
    unet: tuple[int, int, int] = (48, 80, 112)
    heads: tuple[int, int, int] = (2, 2, 4)
    context: int = 96
    text_layers: int = 2
    length: int = LENGTH
    latent_scale: float = 1.0


@dataclass(frozen=True)
class DiffusionParts:
    """The parts of a latent diffusion model of the Stable Diffusion 1.5 kind.

    Attributes
    ----------
    tokenizer, text_encoder
        Text to tokens, and tokens to their context ``(B, T, C)``.
    autoencoder
        Pictures ``(B, 3, S, S)`` in -1 to 1 to latents and back.
    unet
        Noisy latents, time step and context to what the scheduler's ``prediction_type`` says.
    scheduler
        The noise of each step.
    """

    tokenizer: CLIPTokenizer = field(repr=False)
    text_encoder: CLIPTextModel = field(repr=False)
    autoencoder: AutoencoderKL | AutoencoderTiny = field(repr=False)
    unet: UNet2DConditionModel = field(repr=False)
    scheduler: DDIMScheduler = field(repr=False)

    @property
    def modules(self) -> dict[str, nn.Module]:
        """The trained parts, by their names in a diffusers directory."""
        return {"text_encoder": self.text_encoder, "vae": self.autoencoder, "unet": self.unet}

    @property
    def latent_scale(self) -> float:
        """The factor between the autoencoder's latents and those of the UNet."""
        return float(self.autoencoder.config.scaling_factor)

    def encode(self, pictures: Tensor) -> Tensor:
        """Return pictures ``(B, 3, S, S)`` in -1 to 1 as the latents of the UNet, their means where they are random."""
        return self.latent_scale * mean_latents(self.autoencoder, pictures)

    def decode(self, latents: Tensor) -> Tensor:
        """Return latents of the UNet as pictures ``(B, 3, S, S)`` in -1 to 1, or a little beyond."""
        pictures: Tensor = self.autoencoder.decode(latents / self.latent_scale).sample
        return pictures


def mean_latents(autoencoder: AutoencoderKL | AutoencoderTiny, pictures: Tensor) -> Tensor:
    """Return the latents of an autoencoder, without the factor of the UNet's; their means where they are random."""
    found = autoencoder.encode(pictures)
    latents: Tensor = found.latents if isinstance(autoencoder, AutoencoderTiny) else found.latent_dist.mode()
    return latents


def build_mini_sd(words: Sequence[str], shape: MiniShape, seed: int = 0) -> DiffusionParts:
    """Return the parts with random weights.

    Parameters
    ----------
    words
        Vocabulary of the text encoder.
    shape
        Sizes.
    seed
        Of the weights.
    """
    tokenizer = build_tokenizer(words, length=shape.length)
    # The libraries draw initial weights from the global generator.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return DiffusionParts(
            tokenizer,
            _text_encoder(tokenizer, shape),
            build_autoencoder(shape),
            build_unet(shape),
            build_scheduler(),
        )


def build_autoencoder(shape: MiniShape) -> AutoencoderTiny:
    """Return the autoencoder: pictures ``(B, 3, S, S)`` to latents ``(B, 4, S/4, S/4)``."""
    widths = (shape.autoencoder,) * 3
    return AutoencoderTiny(
        encoder_block_out_channels=widths,
        decoder_block_out_channels=widths,
        # Most blocks at a quarter of the side, where they cost a sixteenth.
        num_encoder_blocks=(0, 1, 2),
        num_decoder_blocks=(2, 1, 0),
        latent_channels=LATENTS,
        scaling_factor=shape.latent_scale,
    )


def build_unet(shape: MiniShape) -> UNet2DConditionModel:
    """Return the UNet: latents ``(B, 4, S/4, S/4)`` under a context ``(B, T, C)``; 7 layers of cross-attention."""
    return UNet2DConditionModel(
        sample_size=shape.side // 4,
        in_channels=LATENTS,
        out_channels=LATENTS,
        layers_per_block=1,
        block_out_channels=shape.unet,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=shape.context,
        # The number of heads, whatever its name says (diffusers issue 2011).
        attention_head_dim=shape.heads,
        norm_num_groups=_groups(shape.unet),
    )


def build_scheduler() -> DDIMScheduler:
    """Return the noise schedule: 1000 steps, the last without signal, prediction of v."""
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
        steps_offset=1,
        set_alpha_to_one=True,
    )


def _text_encoder(tokenizer: CLIPTokenizer, shape: MiniShape) -> CLIPTextModel:
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=shape.context,
            intermediate_size=2 * shape.context,
            projection_dim=shape.context,
            num_hidden_layers=shape.text_layers,
            num_attention_heads=_TEXT_HEADS,
            max_position_embeddings=shape.length,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def _groups(channels: Sequence[int]) -> int:
    """Return the groups of a normalisation: 16 where the channels can be divided so, else 8 or 4."""
    return next(groups for groups in (16, 8, 4) if all(count % groups == 0 for count in channels))
