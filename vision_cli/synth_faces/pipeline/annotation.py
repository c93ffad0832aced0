"""What one pass of a text-to-image UNet over a face yields for `Annotator`, and faces annotated by it.

A face is encoded, noised to step 1, and denoised once under a fixed text that names all classes. Read are the outputs
of blocks of the UNet, and its attention to the words of the classes (SynFER, section 3.4).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vision_cli.core.errors import InputError, UsageError
from vision_cli.core.runs import interrupts
from vision_cli.io.limits import require_room
from vision_cli.synth_faces.networks.annotation import Annotator, at_side
from vision_cli.synth_faces.networks.conditioning.attention import (
    Context,
    cross_attentions,
    mask_of,
    parted,
    text_heads,
    to_output,
)
from vision_cli.synth_faces.networks.diffusion.mini_sd import mean_latents
from vision_cli.synth_faces.values import Picture

if TYPE_CHECKING:
    from diffusers.models.attention_processor import Attention

_OPENING = "a photo of a face showing "
_STEP = 1
_NOISE_SEED = 20
_BATCH = 16


@dataclass(frozen=True)
class Captured:
    """What was seen of faces; on the CPU in float16 once it is kept for training.

    Attributes
    ----------
    features
        Outputs of blocks of the UNet at the side of the annotator, ``(N, C_i, S, S)``, one a block.
    attention
        Attention to the words of the classes over what uniform attention would be, scale after scale from the coarsest,
        ``(N, scales * K, S, S)``.
    """

    features: tuple[Tensor, ...] = field(repr=False)
    attention: Tensor = field(repr=False)

    def __len__(self) -> int:
        return len(self.attention)

    def rows(self, places: Sequence[int]) -> Captured:
        """Return some faces."""
        chosen = list(places)
        return Captured(tuple(one[chosen] for one in self.features), self.attention[chosen])

    def to(self, device: torch.device | str, dtype: torch.dtype) -> Captured:
        """Return it elsewhere and in other numbers."""
        return Captured(tuple(one.to(device, dtype) for one in self.features), self.attention.to(device, dtype))


@dataclass(frozen=True)
class Seer:
    """A UNet set up to look at faces.

    Attributes
    ----------
    unet
        A ``UNet2DConditionModel`` of diffusers; an adapter that is installed takes no part.
    text
        The fixed text, ``(1, T, C)``.
    words
        Places of the tokens of each class in the text.
    blocks
        Blocks of the UNet whose outputs are read, by their names in it.
    side
        Of what is captured.
    signal
        Share of the face in the variance at step 1.
    """

    unet: nn.Module = field(repr=False)
    text: Tensor = field(repr=False)
    words: tuple[tuple[int, ...], ...]
    blocks: tuple[str, ...]
    side: int
    signal: float

    @torch.no_grad()
    def see(self, latents: Tensor) -> Captured:
        """Return what is seen of faces, in the numbers of the UNet.

        Parameters
        ----------
        latents
            Of faces without noise, as the UNet takes them, ``(B, 4, s, s)``.
        """
        latents = latents.to(self.text.device, self.text.dtype)
        # The same noise for all faces: neither batch nor order changes what is seen of one.
        noise = torch.randn(latents.shape[1:], generator=torch.Generator().manual_seed(_NOISE_SEED)).to(latents)
        noisy = self.signal**0.5 * latents + (1 - self.signal) ** 0.5 * noise
        with _read_blocks(self.unet, self.blocks) as seen, _read_attention(self.unet, self.words) as read:
            self.unet(noisy, torch.tensor(_STEP, device=latents.device), self.text.expand(len(latents), -1, -1))
        features = tuple(at_side(seen[name], self.side) for name in self.blocks)
        scales = [torch.stack(read[side]).mean(dim=0) for side in sorted(read)]
        return Captured(features, torch.cat([at_side(scale, self.side) for scale in scales], dim=1))

    def see_all(self, latents: Tensor, *, batch: int = _BATCH) -> Captured:
        """Return what is seen of many faces ``(N, 4, s, s)``, as float16 on the CPU.

        Raises
        ------
        InputTooLarge
            If it does not fit into the memory.
        """
        if not len(latents):
            raise InputError("no faces to look at; one or more expected.")
        first = self.see(latents[:1])
        values = sum(one.numel() for one in (*first.features, first.attention))
        needed = 2.0 * values * len(latents)
        require_room(
            Path("features of faces"),
            needed,
            f"{len(latents)} faces make {needed / 2**30:.1f} GiB of features",
            most=needed,
            hint="Use fewer faces or fewer --feat-blocks.",
        )
        whole = Captured(
            tuple(torch.empty(len(latents), *one.shape[1:], dtype=torch.float16) for one in first.features),
            torch.empty(len(latents), *first.attention.shape[1:], dtype=torch.float16),
        )
        for start in range(0, len(latents), batch):
            interrupts.check()
            part = self.see(latents[start : start + batch])
            stop = start + len(part)
            for target, one in zip(whole.features, part.features, strict=True):
                target[start:stop] = one
            whole.attention[start:stop] = part.attention
        return whole


def prompt_of_classes(classes: Sequence[str]) -> str:
    """Return the fixed text, which names all classes."""
    return _OPENING + ", ".join(classes)


def make_seer(
    unet: Any, text_encoder: Any, tokenizer: Any, scheduler: Any, *, classes: Sequence[str], blocks: str, side: int
) -> Seer:
    """Set a model up to look at faces.

    Parameters
    ----------
    unet, text_encoder, tokenizer, scheduler
        The parts of a model of the Stable Diffusion 1.5 kind.
    classes
        Their names.
    blocks
        See `blocks_of`.
    side
        Of what is captured.

    Raises
    ------
    UsageError
        If there is no such block, or a class has no word in the text.
    """
    length = int(tokenizer.model_max_length)
    tokens = tokenizer([prompt_of_classes(classes)], padding="max_length", max_length=length, truncation=True)
    numbers = [int(number) for number in tokens["input_ids"][0]]
    words = tuple(_places(tokenizer, numbers, name) for name in classes)
    first = next(unet.parameters())
    with torch.no_grad():
        text = text_encoder(input_ids=torch.tensor([numbers], device=first.device)).last_hidden_state
    signal = float(scheduler.alphas_cumprod[_STEP])
    return Seer(unet, text.to(first.dtype), words, blocks_of(unet, blocks), side, signal)


def blocks_of(unet: Any, words: str = "up") -> tuple[str, ...]:
    """Return the names of the blocks that ``--feat-blocks`` asks for, from the input of the UNet to its output.

    Parameters
    ----------
    unet
        The UNet.
    words
        ``up``: all stages of the decoder; or some of ``mid``, ``up0``, ``up1``, ... apart by commas.

    Raises
    ------
    UsageError
        If there is no such block.
    """
    count = len(unet.up_blocks)
    known = {"mid": "mid_block"} | {f"up{number}": f"up_blocks.{number}" for number in range(count)}
    asked = [word for word in re.split(r"[,\s]+", words.strip().lower()) if word]
    names: list[str] = []
    for word in asked:
        if word != "up" and word not in known:
            raise UsageError(f"--feat-blocks: block {word!r}; up, {', '.join(known)} expected.")
        names += [one for one in known if one.startswith("up")] if word == "up" else [word]
    if not names:
        raise UsageError(f"--feat-blocks: no block; up, {', '.join(known)} expected.")
    return tuple(known[name] for name in known if name in names)


def latents_of(autoencoder: Any, pictures: Sequence[Picture]) -> Tensor:
    """Return pictures of one size ``(S, S, 3)`` as latents ``(N, 4, s, s)``, scaled as the UNet takes them.

    The autoencoder is an ``AutoencoderKL``, whose mean latents are taken, or an ``AutoencoderTiny`` of diffusers.
    """
    first = next(autoencoder.parameters())
    batch = torch.from_numpy(np.stack(list(pictures))).to(first.device).permute(0, 3, 1, 2)
    with torch.no_grad():
        means = mean_latents(autoencoder, batch.to(first.dtype).div(127.5).sub(1))
    latents: Tensor = means * float(autoencoder.config.scaling_factor)
    return latents


def annotate(annotator: Annotator, seer: Seer, latents: Tensor, *, batch: int = _BATCH) -> NDArray[np.float64]:
    """Return the probability of each class of faces, ``(N, K)``.

    Parameters
    ----------
    annotator
        In evaluation mode.
    seer
        What it sees the faces by.
    latents
        Of the faces, ``(N, 4, s, s)``.
    batch
        Faces at a time.
    """
    device = next(annotator.parameters()).device
    found = []
    for start in range(0, len(latents), batch):
        # Rounded as the features were that it has learned from.
        seen = seer.see(latents[start : start + batch]).to(device, torch.float16).to(device, torch.float32)
        with torch.no_grad():
            found.append(annotator(seen.features, seen.attention).softmax(dim=1).double().cpu().numpy())
    return np.concatenate(found) if found else np.zeros((0, len(annotator.shape.classes)))


class _ReadAttention:
    """A processor that keeps the attention to some words, a mean over heads, beside what diffusers' does."""

    def __init__(self, words: Sequence[Sequence[int]], read: dict[int, list[Tensor]]) -> None:
        self.words, self.read = words, read

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Context | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        text, _ = parted(encoder_hidden_states)
        query, key, value = text_heads(attn, hidden_states, text)
        logits = (query @ key.transpose(-1, -2)).float() * attn.scale
        if (mask := mask_of(attn, attention_mask, key.shape[2], len(query))) is not None:
            logits = logits + mask
        chances = logits.softmax(dim=-1)
        tokens = key.shape[2]
        maps = [chances[..., list(places)].mean(dim=(1, 3)) * tokens for places in self.words]
        side = round(query.shape[2] ** 0.5)
        self.read.setdefault(side, []).append(torch.stack(maps, dim=1).unflatten(-1, (side, side)))
        return to_output(attn, chances.to(value.dtype) @ value, hidden_states)


@contextmanager
def _read_attention(unet: Any, words: Sequence[Sequence[int]]) -> Iterator[dict[int, list[Tensor]]]:
    """Give the attention to words by the side of its maps, ``(B, K, side, side)`` each, once the UNet has run."""
    read: dict[int, list[Tensor]] = {}
    before = dict(unet.attn_processors)
    ours = {f"{name}.processor": _ReadAttention(words, read) for name in cross_attentions(unet)}
    unet.set_attn_processor(before | ours)
    try:
        yield read
    finally:
        unet.set_attn_processor(before)


@contextmanager
def _read_blocks(unet: Any, blocks: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """Give the outputs of blocks by name, once the UNet has run."""
    seen: dict[str, Tensor] = {}

    def reader(name: str) -> Any:
        def keep(_module: nn.Module, _inputs: Any, output: Any) -> None:
            seen[name] = output[0] if isinstance(output, tuple) else output

        return keep

    handles = [unet.get_submodule(name).register_forward_hook(reader(name)) for name in blocks]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _places(tokenizer: Any, numbers: Sequence[int], word: str) -> tuple[int, ...]:
    """Return the places of the tokens of a word in a text."""
    own = tokenizer([word], add_special_tokens=False)["input_ids"][0]
    for start in range(len(numbers) - len(own) + 1):
        if own and list(numbers[start : start + len(own)]) == list(own):
            return tuple(range(start, start + len(own)))
    raise UsageError(
        f"class {word!r}: not in the text of the model, which ends after {len(numbers)} tokens.",
        hint="Use fewer classes, or a model with a longer text.",
    )
