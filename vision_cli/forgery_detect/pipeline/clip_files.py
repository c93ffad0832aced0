"""CLIP from the files of others: a directory of transformers, OpenAI's archive or state dict, safetensors.

Nothing in a file is run: safetensors, state dicts by torch's reader of weights alone, and TorchScript archives by a
reader that sees their tensors and not their code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vision_cli.core.errors import InputError, MissingError

if TYPE_CHECKING:
    from torch import Tensor

    from vision_cli.forgery_detect.networks.clip.towers import ClipText, ClipVision

_WEIGHTS = ("model.safetensors", "open_clip_model.safetensors", "pytorch_model.bin", "open_clip_pytorch_model.bin")
_CONFIG, _OPEN_CLIP_CONFIG = "config.json", "open_clip_config.json"
_PREFIXES = ("module.", "model.", "clip.")
_MOST_CONFIG_BYTES = 1 << 20
_HINT = "Give a directory with config.json and model.safetensors, or OpenAI's file, such as ViT-B-16.pt."


@dataclass(frozen=True)
class ClipWeights:
    """Tensors of a CLIP.

    Attributes
    ----------
    name
        Where they are from, for messages.
    tensors
        By OpenAI's names, float32.
    vision, text
        ``heads`` and ``activation`` of the towers, where a configuration says them.
    """

    name: str
    tensors: Mapping[str, Tensor] = field(repr=False)
    vision: Mapping[str, Any] = field(default_factory=dict)
    text: Mapping[str, Any] = field(default_factory=dict)


def read_clip(choice: str) -> ClipWeights:
    """Return the weights of a CLIP.

    Parameters
    ----------
    choice
        A directory of transformers or open_clip; a file: OpenAI's TorchScript archive, a state dict, safetensors; or
        ``OWNER/NAME`` of a model hub.

    Raises
    ------
    MissingError
        If it is not found, or the hub cannot be reached.
    InputError
        If it is damaged, or no CLIP.
    """
    from vision_cli.forgery_detect.networks.clip.mapping import is_transformers, openai_names
    from vision_cli.io.pickles.state_dicts import read_state_dict

    path = Path(choice).expanduser()
    if not path.exists() and choice.count("/") == 1 and not path.suffix and not path.parent.exists():
        path = _from_hub(choice)
    if path.is_dir():
        file = next((path / name for name in _WEIGHTS if (path / name).is_file()), None)
        if file is None:
            raise MissingError(f"{path}: no {_WEIGHTS[0]} found.", hint=_HINT)
        vision, text = _configured(path)
    elif path.is_file():
        file, (vision, text) = path, _configured(path.parent)
    else:
        raise MissingError(f"{choice}: no such file or directory; CLIP expected.", hint=_HINT)
    tensors = read_state_dict(file, hint=_HINT, prefixes=_PREFIXES)
    if is_transformers(tensors):
        tensors = openai_names(tensors)
    elif path.is_file():
        # A configuration that happens to lie beside a file of OpenAI's is not its own.
        vision, text = {}, {}
    return ClipWeights(str(choice), tensors, vision, text)


def clip_vision(weights: ClipWeights) -> ClipVision:
    """Return the vision tower of a CLIP.

    Raises
    ------
    InputError
        If there is none, or tensors are missing or have other shapes.
    """
    from vision_cli.core.compute.described_weights import load_tensors
    from vision_cli.forgery_detect.networks.clip.mapping import vision_sizes, vision_state
    from vision_cli.forgery_detect.networks.clip.towers import ClipVision

    state = vision_state(weights.tensors, weights.name)
    tower = ClipVision(vision_sizes(state, weights.name, weights.vision))
    load_tensors(tower, state, Path(weights.name), hint=_HINT)
    return tower.eval()


def clip_text(weights: ClipWeights) -> ClipText:
    """Return the text tower of a CLIP; as `clip_vision`."""
    from vision_cli.core.compute.described_weights import load_tensors
    from vision_cli.forgery_detect.networks.clip.mapping import text_sizes, text_state
    from vision_cli.forgery_detect.networks.clip.towers import ClipText

    state = text_state(weights.tensors, weights.name)
    tower = ClipText(text_sizes(state, weights.name, weights.text))
    load_tensors(tower, state, Path(weights.name), hint=_HINT)
    return tower.eval()


def _configured(directory: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the configuration in a directory says of the towers; nothing if there is none.

    Raises
    ------
    InputError
        If it is damaged, or of another model.
    """
    for name in (_CONFIG, _OPEN_CLIP_CONFIG):
        path = directory / name
        if not path.is_file():
            continue
        try:
            if path.stat().st_size > _MOST_CONFIG_BYTES:
                raise ValueError("too long")
            document = json.loads(path.read_text(encoding="utf-8"))
            if name == _OPEN_CLIP_CONFIG:
                return _of_open_clip(document["model_cfg"])
            return tuple(_of_transformers(document.get(f"{part}_config") or {}) for part in ("vision", "text"))  # type: ignore[return-value]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path}: not a configuration of CLIP ({error}).", hint=_HINT) from error
    return {}, {}


def _of_transformers(part: Mapping[str, Any]) -> dict[str, Any]:
    # Numbers that are not said are the library's own: heads of 64 channels but for ViT-L and larger, quick GELU.
    found = {"activation": part.get("hidden_act", "quick_gelu")}
    return {**found, **({"heads": part["num_attention_heads"]} if "num_attention_heads" in part else {})}


def _of_open_clip(document: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    activation = "quick_gelu" if document.get("quick_gelu") else "gelu"
    vision, text = document["vision_cfg"], document["text_cfg"]
    first: dict[str, Any] = {"activation": activation}
    if "head_width" in vision:
        first["heads"] = int(vision["width"]) // int(vision["head_width"])
    return first, {"activation": activation, **({"heads": text["heads"]} if "heads" in text else {})}


def _from_hub(choice: str) -> Path:
    """Return the directory that configuration and weights of a model of the hub were loaded into.

    Raises
    ------
    MissingError
        If they cannot be.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache

    try:
        if not isinstance(try_to_load_from_cache(choice, _CONFIG), str):
            # A download retries an unreachable hub, which takes too long for a mistyped path.
            get_hf_file_metadata(hf_hub_url(choice, _CONFIG))
        hf_hub_download(choice, _CONFIG)
        return Path(hf_hub_download(choice, _WEIGHTS[0])).parent
    # What the library raises without a network differs between its versions.
    except Exception as error:
        raise MissingError(
            f"{choice}: no such file, and it cannot be downloaded from the hub ({type(error).__name__}).",
            hint=f"Check the name and the network, or give a directory with its {_CONFIG} and {_WEIGHTS[0]}.",
        ) from error
