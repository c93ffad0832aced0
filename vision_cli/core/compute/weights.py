"""Weights of a network: shipped with the package, a local file, or the id of a model hub.

Only safetensors are opened, as they hold no code. Every shipped file has a card with its task, its training and its
measures.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from vision_cli.core.errors import InputError, MissingError, VcliError
from vision_cli.core.runs import files

_SHIPPED = Path(__file__).resolve().parents[2] / "weights"
_SUFFIX = ".safetensors"
_HUB_FILE = "model.safetensors"


@dataclass(frozen=True)
class WeightCard:
    """The card of a shipped weight file: ``NAME.json`` beside ``NAME.safetensors``.

    Attributes
    ----------
    name
        File name without suffix; not in the card.
    task
        The task of the weights.
    parameters
        Number of parameters.
    data, training_command, seed
        Training data, command line and seed.
    metrics
        Measures by name, with unit.
    licence
        Licence of the weights.
    sha256
        Digest of the file.
    path
        The file; not in the card.
    """

    # A card with an unknown key is of another version.
    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}

    name: str
    task: str
    parameters: int
    data: str
    training_command: str
    seed: int
    metrics: Mapping[str, float]
    licence: str
    sha256: str
    path: Path


@dataclass(frozen=True)
class ResolvedWeights:
    """A weight file to load.

    Attributes
    ----------
    path
        The file.
    sha256
        Digest of the file, for the record of the run.
    card
        Card of the file; None for a file that is not shipped.
    """

    path: Path
    sha256: str
    card: WeightCard | None


def shipped_weights(directory: Path = _SHIPPED) -> list[WeightCard]:
    """Return the cards of all shipped weights, by name.

    Raises
    ------
    InputError
        If a card is damaged.
    """
    return [_read_card(path) for path in sorted(directory.glob("*.json"))]


def verify(card: WeightCard) -> bool:
    """Return whether the file of a card exists and has the card's digest."""
    return card.path.is_file() and files.sha256(card.path) == card.sha256


def resolve_weights(choice: str, task: str, name: str | None = None) -> ResolvedWeights:
    """Return the weights of ``--weights``, downloaded from a hub if necessary.

    Parameters
    ----------
    choice
        ``default``, the path of a safetensors file, or ``OWNER/NAME[@REVISION]`` of a model hub.
    task
        The task of ``default``.
    name
        Name of its shipped weights, for a task with several networks.

    Raises
    ------
    MissingError
        If the weights are not found, or the hub cannot be reached.
    InputError
        If the file is not in safetensors format, or a shipped file was altered.
    """
    if choice == "default":
        return _shipped(task, name)
    path = Path(choice).expanduser()
    if path.is_file():
        return _local(path)
    if path.is_dir():
        inside = sorted(path.glob(f"*{_SUFFIX}"))
        raise MissingError(
            f"--weights: {choice}: a folder found; a {_SUFFIX} file expected.",
            hint=f"Give --weights {shlex.quote(str(inside[0]))}." if inside else f"The folder has no {_SUFFIX} file.",
        )
    if choice.count("/") == 1 and path.suffix != _SUFFIX and not path.parent.exists():
        return _from_hub(choice)
    raise MissingError(
        f"--weights: {choice}: no such file.",
        hint="Give a .safetensors file, OWNER/NAME of a hub, or default.",
    )


def _read_card(path: Path) -> WeightCard:
    # Importing pydantic takes longer than `vcli --help`.
    from pydantic import TypeAdapter, ValidationError

    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        known = {"name": path.stem, "path": path.with_suffix(_SUFFIX)}
        return TypeAdapter(WeightCard).validate_python({**content, **known})
    except ValidationError as error:
        wrong = error.errors()[0]
        reason = f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}"
    except (ValueError, TypeError) as error:
        reason = str(error)
    raise InputError(f"{path}: damaged card ({reason}).", hint="Install vision_cli again.")


def _shipped(task: str, name: str | None) -> ResolvedWeights:
    cards = [card for card in shipped_weights() if card.task == task and name in {None, card.name}]
    if not cards:
        raise MissingError(
            f"{' '.join(filter(None, (task, name)))}: no weights found; this version ships none.",
            hint="Give --weights FILE.safetensors.",
        )
    card = cards[0]
    if not verify(card):
        raise InputError(
            f"{card.path}: altered or missing; the digest of its card expected.",
            hint="Install vision_cli again.",
        )
    return ResolvedWeights(card.path, card.sha256, card)


def _local(path: Path) -> ResolvedWeights:
    from safetensors import SafetensorError, safe_open

    try:
        # Reads and validates the header only: a pickle under this name is never opened.
        with safe_open(path, framework="numpy"):
            pass
    except SafetensorError as error:
        raise InputError(
            f"{path}: not in safetensors format ({error}); safetensors expected.",
            hint="Convert the weights with safetensors.torch.save_file.",
        ) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
    return ResolvedWeights(path, files.sha256(path), None)


def _from_hub(choice: str) -> ResolvedWeights:
    # Telemetry is a second request, which also has to time out where there is no network.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache

    repository, _, named = choice.partition("@")
    revision = named or None
    try:
        if not isinstance(try_to_load_from_cache(repository, _HUB_FILE, revision=revision), str):
            # A download retries an unreachable hub, which takes too long for a mistyped path.
            get_hf_file_metadata(hf_hub_url(repository, _HUB_FILE, revision=revision))
        path = Path(hf_hub_download(repository, _HUB_FILE, revision=revision))
    except VcliError:
        raise
    # Network errors are of the HTTP library, which differs between versions of huggingface_hub.
    except Exception as error:
        raise MissingError(
            f"--weights: {choice}: no such file, and it cannot be downloaded from the hub ({type(error).__name__}).",
            hint=f"Check the name and the network, or download its {_HUB_FILE} and give the file.",
        ) from error
    return _local(path)
