"""Weights of a network: shipped with the package, a local file, or a model hub's id.

Only safetensors are opened: they hold numbers and nothing that runs. Every shipped file has a card beside it that says
what it is, how it was made and what it measured.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vision_cli.core import files
from vision_cli.core.errors import InputError, MissingError

_SHIPPED = Path(__file__).resolve().parents[1] / "weights"
_SUFFIX = ".safetensors"


@dataclass(frozen=True)
class WeightCard:
    """The card of a shipped weight file.

    Attributes
    ----------
    name
        File name without suffix.
    task
        The task that uses it.
    parameters
        How many numbers it holds.
    data, training_command, seed
        How it was made.
    metrics
        What it measured, by name with unit.
    licence
        Licence of the weights.
    sha256
        Digest of the file.
    path
        The file.
    """

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
    """A weight file to load, with its digest; ``card`` is None for files that were not shipped."""

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
    cards = []
    for path in sorted(directory.glob("*.json")):
        try:
            card = json.loads(path.read_text(encoding="utf-8"))
            cards.append(WeightCard(name=path.stem, path=path.with_suffix(_SUFFIX), **card))
        except (ValueError, TypeError) as error:
            raise InputError(f"{path}: damaged card ({error}).", hint="Install vision_cli again.") from error
    return cards


def verify(card: WeightCard) -> bool:
    """Return whether the file of a card is there and has the digest that the card names."""
    return card.path.is_file() and files.sha256(card.path) == card.sha256


def resolve_weights(choice: str, task: str) -> ResolvedWeights:
    """Find the weights that ``--weights`` names.

    Parameters
    ----------
    choice
        ``default``, the path of a safetensors file, or ``owner/name`` of a model hub.
    task
        The task whose shipped weights ``default`` means.

    Raises
    ------
    MissingError
        If they are not there.
    InputError
        If the file is not of the safetensors format or a shipped file was altered.
    """
    if choice == "default":
        cards = [card for card in shipped_weights() if card.task == task]
        if not cards:
            raise MissingError(
                f"{task}: no weights are shipped with this version.", hint="Give --weights FILE."
            )
        if not verify(cards[0]):
            raise InputError(f"{cards[0].path}: altered or missing.", hint="Install vision_cli again.")
        return ResolvedWeights(cards[0].path, cards[0].sha256, cards[0])
    path = Path(choice)
    if path.is_file():
        if path.suffix != _SUFFIX:
            raise InputError(f"{path}: {path.suffix or 'no suffix'} found; a {_SUFFIX} file expected.")
        return ResolvedWeights(path, files.sha256(path), None)
    if choice.count("/") == 1 and not path.suffix:
        return _from_hub(choice)
    raise MissingError(
        f"--weights: {choice}: no such file.", hint="Give a file, owner/name of a hub, or default."
    )


def _from_hub(repository: str) -> ResolvedWeights:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        path = Path(hf_hub_download(repository, "model.safetensors"))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise MissingError(
            f"--weights: {repository}: cannot be fetched ({type(error).__name__}).",
            hint="Check the name and the network, or download it and give the file.",
        ) from error
    return ResolvedWeights(path, files.sha256(path), None)
