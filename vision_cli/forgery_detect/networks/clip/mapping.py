"""Names of CLIP's tensors: those of transformers to those of OpenAI, and the numbers of a network from their shapes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from vision_cli.core.errors import InputError
from vision_cli.forgery_detect.networks.clip.towers import Activation, TextSizes, VisionSizes

_HEAD_WIDTH = 64
_LAYER = re.compile(r"(vision_model|text_model)\.encoder\.layers\.(\d+)\.(.+)")
_IN_LAYER = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}
_OTHERS = {
    "vision_model.embeddings.class_embedding": "visual.class_embedding",
    "vision_model.embeddings.patch_embedding.weight": "visual.conv1.weight",
    "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
    # The misspelling is that of transformers.
    "vision_model.pre_layrnorm.weight": "visual.ln_pre.weight",
    "vision_model.pre_layrnorm.bias": "visual.ln_pre.bias",
    "vision_model.post_layernorm.weight": "visual.ln_post.weight",
    "vision_model.post_layernorm.bias": "visual.ln_post.bias",
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.final_layer_norm.weight": "ln_final.weight",
    "text_model.final_layer_norm.bias": "ln_final.bias",
    "logit_scale": "logit_scale",
}
_TRANSPOSED = {"visual_projection.weight": "visual.proj", "text_projection.weight": "text_projection"}
_VISION_PARTS = (
    "conv1.weight",
    "class_embedding",
    "positional_embedding",
    "ln_pre.",
    "ln_post.",
    "transformer.",
    "proj",
)
_TEXT_PARTS = ("token_embedding.", "positional_embedding", "transformer.", "ln_final.", "text_projection")
_HINT = "Give a CLIP with a vision transformer, such as ViT-B/32, ViT-B/16 or ViT-L/14."


def is_transformers(state: Mapping[str, Tensor]) -> bool:
    """Return whether the names of tensors are those of transformers."""
    return any(name.startswith(("vision_model.", "text_model.")) for name in state)


def openai_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of a CLIP of transformers by OpenAI's names; queries, keys and values are joined."""
    found: dict[str, Tensor] = {}
    parts: dict[str, dict[str, Tensor]] = {}
    for name, tensor in state.items():
        layer = _LAYER.fullmatch(name)
        if layer is None:
            if name in _OTHERS:
                found[_OTHERS[name]] = tensor
            elif name in _TRANSPOSED:
                found[_TRANSPOSED[name]] = tensor.T
            continue
        start = f"{'visual.' if layer[1] == 'vision_model' else ''}transformer.resblocks.{layer[2]}."
        part, _, kind = layer[3].rpartition(".")
        if part in _IN_LAYER:
            found[f"{start}{_IN_LAYER[part]}.{kind}"] = tensor
        elif part in {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"}:
            parts.setdefault(f"{start}attn.in_proj_{kind}", {})[part[-6]] = tensor
    for name, three in parts.items():
        if len(three) == 3:
            found[name] = torch.cat([three["q"], three["k"], three["v"]])
    return found


def vision_state(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """Return the vision tower of a CLIP with OpenAI's names, without their beginning.

    Raises
    ------
    InputError
        If there is none.
    """
    found = {key.removeprefix("visual."): tensor for key, tensor in state.items() if key.startswith("visual.")}
    if not found:
        raise InputError(f"{name}: no vision tower (visual.*) found.", hint=_HINT)
    return {key: tensor for key, tensor in found.items() if key.startswith(_VISION_PARTS)}


def text_state(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """Return the text tower of a CLIP with OpenAI's names.

    Raises
    ------
    InputError
        If there is none.
    """
    found = {
        key.removeprefix("text."): tensor
        for key, tensor in state.items()
        if key.removeprefix("text.").startswith(_TEXT_PARTS)
    }
    if "token_embedding.weight" not in found:
        raise InputError(
            f"{name}: no text tower (token_embedding.*) found.", hint="Give the whole CLIP, with both towers."
        )
    return found


def vision_sizes(state: Mapping[str, Tensor], name: str, config: Mapping[str, Any]) -> VisionSizes:
    """Return the numbers of a vision tower, see `vision_state`.

    Parameters
    ----------
    state
        Its tensors.
    name
        For messages.
    config
        ``heads`` and ``activation``, which shapes do not say; OpenAI's where they are missing.

    Raises
    ------
    InputError
        If a tensor that says a number is missing, or of no vision transformer.
    """
    convolution, places = _of(state, "conv1.weight", 4, name), _of(state, "positional_embedding", 2, name)
    projection = _of(state, "proj", 2, name)
    width, patch, grid = convolution[0], convolution[-1], math.isqrt(max(places[0] - 1, 0))
    depth, hidden = _depth(state, name)
    if places != (grid**2 + 1, width) or not grid:
        raise InputError(f"{name}: {places[0]} places of {places[1]} channels found; a square expected.", hint=_HINT)
    heads, activation = _rest(config, width, name)
    return VisionSizes(grid * patch, patch, width, depth, heads, hidden, projection[1], activation)


def text_sizes(state: Mapping[str, Tensor], name: str, config: Mapping[str, Any]) -> TextSizes:
    """Return the numbers of a text tower, see `text_state`; as `vision_sizes`."""
    words, places = _of(state, "token_embedding.weight", 2, name), _of(state, "positional_embedding", 2, name)
    projection = _of(state, "text_projection", 2, name)
    depth, hidden = _depth(state, name)
    heads, activation = _rest(config, words[1], name)
    return TextSizes(words[0], places[0], words[1], depth, heads, hidden, projection[1], activation)


def _of(state: Mapping[str, Tensor], key: str, axes: int, name: str) -> tuple[int, ...]:
    if key not in state or state[key].dim() != axes:
        raise InputError(f"{name}: no {key} of {axes} axes found; CLIP expected.", hint=_HINT)
    return tuple(state[key].shape)


def _depth(state: Mapping[str, Tensor], name: str) -> tuple[int, int]:
    numbers = {key.split(".")[2] for key in state if key.startswith("transformer.resblocks.")}
    return len(numbers), _of(state, "transformer.resblocks.0.mlp.c_fc.weight", 2, name)[0]


def _rest(config: Mapping[str, Any], width: int, name: str) -> tuple[int, Activation]:
    heads, activation = config.get("heads", max(width // _HEAD_WIDTH, 1)), config.get("activation", "quick_gelu")
    if not isinstance(heads, int) or heads < 1 or width % heads:
        raise InputError(f"{name}: {heads} heads of {width} channels found; a divisor expected.", hint=_HINT)
    if activation not in {"quick_gelu", "gelu"}:
        raise InputError(f"{name}: activation {activation} found; quick_gelu or gelu expected.", hint=_HINT)
    return heads, activation
