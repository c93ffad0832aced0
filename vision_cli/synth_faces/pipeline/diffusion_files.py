"""Latent diffusion models on disk: our own in one weight file, and directories as diffusers writes them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from vision_cli.core.compute.described_weights import halved, load_tensors, read_description, write_described
from vision_cli.core.errors import InputError
from vision_cli.core.runs.files import sha256
from vision_cli.synth_faces.networks.diffusion.mini_sd import LATENTS, DiffusionParts, MiniShape, build_mini_sd

if TYPE_CHECKING:
    from diffusers import StableDiffusionPipeline

_TASK, _WHAT = "synth-faces", "diffusion"
_HINT = "Give weights or a model directory that `vcli synth-faces train-base` wrote, or default."
_INDEX = "model_index.json"
_LARGEST_JSON = 1 << 20
_COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "tokenizer": ("CLIPTokenizer", "CLIPTokenizerFast"),
    "text_encoder": ("CLIPTextModel",),
    "vae": ("AutoencoderKL", "AutoencoderTiny"),
    "unet": ("UNet2DConditionModel",),
    "scheduler": (),
}
"""Folders that a directory must have, and the classes that can be read; of the scheduler, any."""

_OTHERS = {
    "StableDiffusionXLPipeline": "SDXL",
    "StableDiffusion3Pipeline": "SD 3",
    "FluxPipeline": "Flux",
    "PixArtAlphaPipeline": "PixArt",
    "PixArtSigmaPipeline": "PixArt",
}
_MOST_CHANNELS, _MOST_LAYERS, _MOST_WORDS = 1024, 12, 5000


@dataclass(frozen=True)
class MiniAbout:
    """What a weight file says of its model.

    Attributes
    ----------
    shape
        Sizes of the parts.
    words
        Vocabulary of the text encoder.
    """

    shape: MiniShape
    words: tuple[str, ...]


@dataclass(frozen=True)
class LoadedDiffusion:
    """A model ready to use.

    Attributes
    ----------
    parts
        In evaluation mode, on the device.
    side
        Of its pictures, px.
    sha256
        Digest of the weight file, or of the weights of the UNet of a directory.
    device, dtype
        Where and in what numbers it is computed.
    """

    parts: DiffusionParts = field(repr=False)
    side: int
    sha256: str
    device: torch.device = field(default=torch.device("cpu"), repr=False)
    dtype: torch.dtype = torch.float32

    @property
    def latent_side(self) -> int:
        """Side of its latents."""
        return int(self.parts.unet.config.sample_size)


def pack_pipeline(path: Path, about: MiniAbout, parts: DiffusionParts) -> None:
    """Write a model of ours as one weight file in float16, from which `unpack_pipeline` builds it.

    Parameters
    ----------
    path
        The file; written at once, so give a temporary one.
    about
        Sizes and vocabulary.
    parts
        The model.
    """
    tensors = {
        f"{name}.{key}": tensor for name, module in parts.modules.items() for key, tensor in module.state_dict().items()
    }
    write_described(path, _TASK, {"what": _WHAT, "shape": asdict(about.shape), "words": about.words}, halved(tensors))


def unpack_pipeline(path: Path, *, device: str = "cpu", dtype: torch.dtype = torch.float32) -> LoadedDiffusion:
    """Return the model of a weight file; nothing is written to disk.

    Parameters
    ----------
    path
        The file.
    device, dtype
        Where and in what numbers it is computed.

    Raises
    ------
    InputError
        If the file is damaged, or of another model than it says.
    """
    from safetensors.torch import load_file

    about = read_mini_about(path)
    parts = build_mini_sd(about.words, about.shape)
    tensors = load_file(path)
    for name, module in parts.modules.items():
        load_tensors(module, tensors_of(f"{name}.", tensors), path, hint=_HINT)
    return ready(parts, about.shape.side, sha256(path), device=device, dtype=dtype)


def read_mini_about(path: Path) -> MiniAbout:
    """Return what a weight file says of its model.

    Raises
    ------
    InputError
        If it is no weight file of a diffusion model of ours.
    """
    try:
        document = read_description(path, _TASK)
        if document["what"] != _WHAT:
            raise ValueError(f"a recogniser of {document['what']}")
        return MiniAbout(_shape(document["shape"]), _words(document["words"]))
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path}: no diffusion model of synth-faces ({error}).", hint=_HINT) from error


def save_as_diffusers_directory(parts: DiffusionParts, directory: Path) -> None:
    """Write a model as a directory that diffusers' own pipeline reads, its weights rounded to float16.

    Parameters
    ----------
    parts
        The model.
    directory
        The directory, which may exist.
    """
    pipeline = stock_pipeline(parts, dtype=torch.float16)
    # transformers keeps the type that weights are stored in, diffusers reads them as float32: they would not fit.
    pipeline.text_encoder.float()
    # A variant of `save_pretrained` names files otherwise, but does not change the numbers.
    with _quiet():
        pipeline.save_pretrained(directory, safe_serialization=True)


def stock_pipeline(parts: DiffusionParts, *, dtype: torch.dtype = torch.float32) -> StableDiffusionPipeline:
    """Return a copy of a model as the pipeline of diffusers."""
    from diffusers import StableDiffusionPipeline

    modules = {name: _moved(copy.deepcopy(module), "cpu", dtype) for name, module in parts.modules.items()}
    return StableDiffusionPipeline(
        **modules,
        tokenizer=parts.tokenizer,
        scheduler=parts.scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def read_diffusers_directory(
    directory: Path, *, device: str = "cpu", dtype: torch.dtype = torch.float32
) -> LoadedDiffusion:
    """Return the model of a directory of the Stable Diffusion 1.5 kind: ours, or one of a user.

    Parameters
    ----------
    directory
        As diffusers writes it, with weights in safetensors.
    device, dtype
        Where and in what numbers it is computed.

    Raises
    ------
    InputError
        If a part is missing, damaged or of another kind.
    """
    kinds = _require_kind(directory)
    from diffusers import AutoencoderKL, AutoencoderTiny, DDIMScheduler, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

    autoencoder = AutoencoderTiny if kinds["vae"] == "AutoencoderTiny" else AutoencoderKL
    known: dict[str, Any] = {"local_files_only": True}
    weighty = {**known, "use_safetensors": True, "torch_dtype": torch.float32}
    loaders: dict[str, Any] = {
        "tokenizer": lambda place: CLIPTokenizer.from_pretrained(place, **known),
        "text_encoder": lambda place: CLIPTextModel.from_pretrained(
            place, local_files_only=True, use_safetensors=True, dtype=torch.float32
        ),
        "vae": lambda place: autoencoder.from_pretrained(place, **weighty),
        "unet": lambda place: UNet2DConditionModel.from_pretrained(place, **weighty),
        "scheduler": lambda place: DDIMScheduler.from_pretrained(place, **known),
    }
    found: dict[str, Any] = {}
    for name, load in loaders.items():
        try:
            with _quiet():
                found[name] = load(str(directory / name))
        # The libraries raise errors of many kinds for damaged files.
        except Exception as error:
            reason = str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__
            raise InputError(f"{directory / name}: cannot be read ({reason}).", hint=_HINT) from error
    if (channels := int(found["unet"].config.in_channels)) != LATENTS:
        raise InputError(
            f"{directory}: a UNet with {channels} input channels; {LATENTS} expected, as Stable Diffusion 1.5 has.",
            hint="Models for inpainting or of depth cannot be used.",
        )
    parts = DiffusionParts(found["tokenizer"], found["text_encoder"], found["vae"], found["unet"], found["scheduler"])
    side = int(parts.unet.config.sample_size) * 2 ** (len(parts.autoencoder.config.block_out_channels) - 1)
    digest = sha256(next(iter(sorted((directory / "unet").glob("*.safetensors")))))
    return ready(parts, side, digest, device=device, dtype=dtype)


def ready(parts: DiffusionParts, side: int, digest: str, *, device: str, dtype: torch.dtype) -> LoadedDiffusion:
    """Return a model in evaluation mode, without gradients, on its device."""
    place = torch.device(device)
    for module in parts.modules.values():
        _moved(module.requires_grad_(False).eval(), place, dtype)
    return LoadedDiffusion(parts, side, digest, place, dtype)


def _moved(module: nn.Module, place: torch.device | str, dtype: torch.dtype) -> nn.Module:
    """Move a module; the libraries' own ``to`` warns of parts that are to stay in float32, which these have not."""
    return nn.Module.to(module, device=place, dtype=dtype)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the progress bars and the advice of diffusers and transformers off the console."""
    from diffusers.utils import logging as of_diffusers
    from transformers.utils import logging as of_transformers

    before = of_diffusers.get_verbosity(), of_transformers.get_verbosity(), of_transformers.is_progress_bar_enabled()
    of_diffusers.set_verbosity_error()
    of_transformers.set_verbosity_error()
    of_transformers.disable_progress_bar()
    try:
        yield
    finally:
        of_diffusers.set_verbosity(before[0])
        of_transformers.set_verbosity(before[1])
        if before[2]:
            of_transformers.enable_progress_bar()


def _require_kind(directory: Path) -> Mapping[str, str]:
    """Return the class of each part of a directory; refuse one that is not of the Stable Diffusion 1.5 kind."""
    index = directory / _INDEX
    if not index.is_file():
        raise InputError(f"{directory}: no {_INDEX}; a model directory of diffusers expected.", hint=_HINT)
    try:
        if index.stat().st_size > _LARGEST_JSON:
            raise ValueError("too large")
        document = json.loads(index.read_bytes())
        kind = str(document.get("_class_name"))
    except (OSError, ValueError, RecursionError, AttributeError) as error:
        raise InputError(f"{index}: damaged ({error}).", hint=_HINT) from error
    if kind in _OTHERS:
        raise InputError(
            f"{directory}: a model of {_OTHERS[kind]}; UNet2DConditionModel with {LATENTS}-channel latents expected.",
            hint="Give a model of Stable Diffusion 1.4, 1.5 or of the same shape.",
        )
    kinds: dict[str, str] = {}
    for name, classes in _COMPONENTS.items():
        entry = document.get(name)
        if not (directory / name).is_dir() or not isinstance(entry, list) or len(entry) != 2:
            raise InputError(f"{directory}: no {name}; {', '.join(_COMPONENTS)} expected.", hint=_HINT)
        if classes and entry[1] not in classes:
            raise InputError(f"{directory}: {name} of class {entry[1]}; {classes[0]} expected.", hint=_HINT)
        kinds[name] = str(entry[1])
    return kinds


def _shape(document: Mapping[str, object]) -> MiniShape:
    names = {one.name for one in fields(MiniShape)}
    if not isinstance(document, dict) or set(document) != names:
        raise ValueError("sizes of the parts missing")
    scale = float(document["latent_scale"])
    numbers = {name: _whole(value) for name, value in document.items() if name != "latent_scale"}
    shape = MiniShape(**numbers, latent_scale=scale)  # type: ignore[arg-type]
    widths = (shape.autoencoder, *shape.unet, shape.context)
    is_usual = (
        len(shape.unet) == len(shape.heads) == 3
        and all(width % 4 == 0 and 4 <= width <= _MOST_CHANNELS for width in widths)
        and all(heads > 0 and width % heads == 0 for width, heads in zip(shape.unet, shape.heads, strict=True))
        and 32 <= shape.side <= 1024
        and shape.side % 16 == 0
        and 1 <= shape.text_layers <= _MOST_LAYERS
        and 4 <= shape.length <= _MOST_CHANNELS
        and 0 < scale < 1e4
    )
    if not is_usual:
        raise ValueError("sizes of the parts out of range")
    return shape


def _whole(value: object) -> int | tuple[int, ...]:
    if isinstance(value, list):
        return tuple(int(one) for one in value)
    return int(value)  # type: ignore[call-overload, no-any-return]


def _words(found: Sequence[object]) -> tuple[str, ...]:
    words = tuple(found)
    if not words or len(words) > _MOST_WORDS or not all(isinstance(one, str) and 0 < len(one) < 40 for one in words):
        raise ValueError("no words")
    return words  # type: ignore[return-value]


def tensors_of(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
