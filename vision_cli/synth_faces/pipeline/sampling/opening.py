"""Weights of ``--model``, ``--adapter`` and ``--annotator``: shipped, of a file, a directory or a hub."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from vision_cli.core.compute.devices import Compute
from vision_cli.core.compute.weights import ResolvedWeights
from vision_cli.core.errors import InputError, MissingError
from vision_cli.synth_faces.pipeline.adapter_files import LoadedAdapter, read_adapter
from vision_cli.synth_faces.pipeline.annotator_files import LoadedAnnotator, read_annotator
from vision_cli.synth_faces.pipeline.diffusion_files import (
    LoadedDiffusion,
    read_diffusers_directory,
    read_mini_about,
    unpack_pipeline,
)
from vision_cli.synth_faces.pipeline.sampling.choices import find_adapter, find_annotator, find_model

_HUB_FILES = (
    *(
        f"{part}/*{ending}"
        for part in ("tokenizer", "text_encoder", "vae", "unet", "scheduler")
        for ending in (".json", ".txt", ".safetensors")
    ),
    "model_index.json",
)
_NOT_WANTED = ("*.fp16.*", "*.non_ema.*")
"""Patterns of what is downloaded: no whole model in one file beside the parts, and no second copy of a part."""


def open_model(choice: str, compute: Compute) -> LoadedDiffusion:
    """Return a model ready to use, in the numbers that ``--precision`` says.

    Parameters
    ----------
    choice
        ``default``, a file of ``train-base``, a directory of diffusers, or ``OWNER/NAME[@REVISION]`` of a hub.
    compute
        Where and in what numbers it is computed.

    Raises
    ------
    MissingError
        If there is no such file or model.
    InputError
        If it is damaged, or of another kind.
    """
    device, dtype = str(compute.device), getattr(torch, compute.precision)
    found = find_model(choice)
    if isinstance(found, ResolvedWeights):
        if found.card is None:
            _require_ours(found.path)
        return unpack_pipeline(found.path, device=device, dtype=dtype)
    return read_diffusers_directory(found or _from_hub(choice), device=device, dtype=dtype)


def open_adapter(choice: str, model: LoadedDiffusion, *, scale: float = 1.0) -> LoadedAdapter | None:
    """Install an adapter of action units in a model; return it, or None for ``none``.

    Raises
    ------
    MissingError
        If there is no such file.
    InputError
        If it is damaged, or for another model.
    """
    found = find_adapter(choice)
    return None if found is None else read_adapter(found.path, model.parts.unet, scale=scale)


def open_annotator(choice: str, model: LoadedDiffusion) -> LoadedAnnotator:
    """Return an annotator with the model that it sees faces by.

    Raises
    ------
    MissingError
        If there is no such file.
    InputError
        If it is damaged, or for another model.
    """
    path = find_annotator(choice).path
    parts = model.parts
    loaded = read_annotator(path, parts.unet, parts.text_encoder, parts.tokenizer, parts.scheduler)
    if loaded.about.model != model.sha256:
        raise InputError(
            f"{path}: an annotator for model {loaded.about.model[:12]}; {model.sha256[:12]} expected.",
            hint="Train one for this model with `vcli synth-faces train-anno`.",
        )
    return loaded


def _require_ours(path: Path) -> None:
    """Refuse a single file of another program, and say what to do with it."""
    try:
        read_mini_about(path)
    except InputError as error:
        raise InputError(
            f"{error.message}",
            hint="A file that holds a whole Stable Diffusion 1.5 model becomes a directory by diffusers: "
            "StableDiffusionPipeline.from_single_file(FILE).save_pretrained(DIR).",
        ) from error


def _from_hub(choice: str) -> Path:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import snapshot_download

    repository, _, revision = choice.partition("@")
    for is_offline in (True, False):
        try:
            found = snapshot_download(
                repository,
                revision=revision or None,
                allow_patterns=list(_HUB_FILES),
                ignore_patterns=list(_NOT_WANTED),
                local_files_only=is_offline,
            )
            return Path(found)
        # Network errors are of the HTTP library, which differs between versions of huggingface_hub.
        except Exception as error:
            if not is_offline:
                raise MissingError(
                    f"--model: {choice}: no such directory, and it cannot be downloaded from the hub "
                    f"({type(error).__name__}).",
                    hint="Check the name and the network, or download the model and give its directory.",
                ) from error
    raise AssertionError("unreachable")
