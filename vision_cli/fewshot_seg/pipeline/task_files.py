"""Task files: a class as it was learned, in one file of numbers that is used again for any pictures.

A file holds the supports at the size that methods learn from, as PNG in arrays of bytes, the tensors of the network
that were adapted to them, and one JSON text. Whoever loads it learns the class again, which takes about two seconds,
and gets what the supports themselves would give.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vision_cli.core.errors import InputError, MissingError, UsageError
from vision_cli.fewshot_seg.pipeline.methods import METHODS, ClassRecipe
from vision_cli.fewshot_seg.pipeline.weight_files import Method
from vision_cli.fewshot_seg.values import Support

SUFFIX = ".task"
_ABOUT = "fewshot-seg-task"
_PICTURE, _MASK, _NETWORK = "picture.", "mask.", "network."
_BACKGROUND, _IGNORED, _CLASS = 0, 128, 255
_MOST_SUPPORTS, _MOST_PIXELS = 1000, 64 << 20
_HINT = "Give a file that `vcli fewshot-seg adapt` wrote."


def write_task(path: Path, recipe: ClassRecipe, weights: Method) -> None:
    """Write a class.

    Parameters
    ----------
    path
        The file.
    recipe
        The class.
    weights
        What it was learned with; the digest of its network is noted.
    """
    import torch
    from safetensors.torch import save

    tensors: dict[str, Any] = {f"{_NETWORK}{name}": value.half().cpu() for name, value in recipe.adapted.items()}
    for number, support in enumerate(recipe.supports):
        values = np.where(support.mask, _CLASS, _BACKGROUND).astype(np.uint8)
        if support.ignored is not None:
            values[support.ignored] = _IGNORED
        tensors[f"{_PICTURE}{number}"] = torch.from_numpy(_packed(support.picture))
        tensors[f"{_MASK}{number}"] = torch.from_numpy(_packed(values))
    document = {
        "class": recipe.name,
        "method": recipe.method,
        "seed": recipe.seed,
        "tile": recipe.tile,
        "supports": [one.name for one in recipe.supports],
        "network": None if weights.network is None else weights.network.digest,
    }
    path.write_bytes(
        save({name: value.contiguous() for name, value in tensors.items()}, {_ABOUT: json.dumps(document)})
    )


def read_task(path: Path, weights: Method) -> ClassRecipe:
    """Return the class of a file.

    Raises
    ------
    MissingError
        If there is no such file.
    InputError
        If it is no task file, or damaged.
    UsageError
        If it was adapted on another network.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise MissingError(f"--task: {path}: no such file.", hint=_HINT)
    try:
        with safe_open(path, framework="pt") as file:
            document = json.loads((file.metadata() or {})[_ABOUT])
            names = [str(name) for name in document["supports"]][:_MOST_SUPPORTS]
            stored = set(file.keys())
            supports = tuple(
                _support(
                    name, file.get_tensor(f"{_PICTURE}{number}").numpy(), file.get_tensor(f"{_MASK}{number}").numpy()
                )
                for number, name in enumerate(names)
            )
            adapted = {
                name.removeprefix(_NETWORK): file.get_tensor(name).float()
                for name in sorted(stored)
                if name.startswith(_NETWORK)
            }
        recipe = _recipe(document, supports, adapted)
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, AttributeError, SyntaxError) as error:
        raise InputError(f"{path}: no task file of fewshot-seg ({error}).", hint=_HINT) from error
    own = None if weights.network is None else weights.network.digest
    if recipe.adapted and document.get("network") != own:
        raise UsageError(f"{path}: adapted on another network.", hint="Give --weights as `adapt` had them.")
    if any(not bool(value.isfinite().all()) for value in recipe.adapted.values()):
        raise InputError(f"{path}: numbers that are not finite.", hint=_HINT)
    return recipe


def _recipe(document: Mapping[str, Any], supports: tuple[Support, ...], adapted: Mapping[str, Any]) -> ClassRecipe:
    tile = document["tile"]
    method = str(document["method"])
    if method not in METHODS or not any(not one.is_negative for one in supports):
        raise ValueError("no support with the class, or an unknown method")
    if tile is not None and not 8 <= int(tile) <= 1 << 16:
        raise ValueError(f"tiles of {tile} px")
    return ClassRecipe(
        str(document["class"]), supports, method, int(document["seed"]), None if tile is None else int(tile), adapted
    )


def _packed(values: np.ndarray[Any, np.dtype[np.uint8]]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "PNG", compress_level=6)
    return np.frombuffer(stream.getvalue(), np.uint8).copy()


def _support(name: str, picture: np.ndarray[Any, Any], mask: np.ndarray[Any, Any]) -> Support:
    pixels, values = (_unpacked(one) for one in (picture, mask))
    if pixels.ndim != 3 or values.ndim != 2 or pixels.shape[:2] != values.shape:
        raise ValueError(f"support {name}: picture {pixels.shape}, mask {values.shape}")
    ignored = values == _IGNORED
    return Support(name, pixels, values == _CLASS, ignored if ignored.any() else None)


def _unpacked(content: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    from PIL import Image

    with Image.open(io.BytesIO(content.tobytes()), formats=["PNG"]) as image:
        if image.width * image.height > _MOST_PIXELS:
            raise ValueError(f"a support of {image.width} x {image.height} px")
        return np.array(image, np.uint8)
