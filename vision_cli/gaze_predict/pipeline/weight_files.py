"""Weight files of the network: its tensors as float16, and one JSON text that says how it is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vision_cli.core.compute.described_weights import halved, load_tensors, read_description, write_described
from vision_cli.core.errors import InputError
from vision_cli.core.runs.files import sha256

if TYPE_CHECKING:
    import torch

    from vision_cli.gaze_predict.networks.gem import Ablation, GemNetwork
    from vision_cli.gaze_predict.text.tokenizer import TextTokenizer

SHIPPED = "gaze"
"""Name of the shipped weights."""

_TASK = "gaze-predict"
_HINT = "Give weights that `vcli gaze-predict train` wrote, or default."


@dataclass(frozen=True)
class About:
    """How a network is built.

    Attributes
    ----------
    side
        Of its films, px.
    image_encoder, text_encoder
        ``embedded``, or as given to ``train``; the tensors of CLIP's are in the file.
    head
        ``query`` or ``fc``.
    ablation
        Parts that were left out.
    source
        What it was trained on, in a word: ``phantom`` for the simulated reader.
    """

    side: int
    image_encoder: str = "embedded"
    text_encoder: str = "embedded"
    head: Literal["query", "fc"] = "query"
    ablation: tuple[str, ...] = ()
    source: str = "phantom"


@dataclass(frozen=True)
class LoadedGaze:
    """A network that is ready for films.

    Attributes
    ----------
    network
        In evaluation mode, on its device.
    tokenizer
        Of its text encoder.
    about
        How it is built.
    digest
        Of its file.
    """

    network: GemNetwork
    tokenizer: TextTokenizer
    about: About
    digest: str


def write_network(path: Path, about: About, tensors: Mapping[str, torch.Tensor]) -> None:
    """Write a network without the parts that only training uses."""
    from vision_cli.gaze_predict.networks.building import for_inference

    write_described(path, _TASK, asdict(about), halved(for_inference(tensors)))


def read_about(path: Path) -> About:
    """Return how the network of a file is built.

    Raises
    ------
    InputError
        If it is no weight file of gaze-predict.
    """
    try:
        document = read_description(path, _TASK)
        if document["head"] not in ("query", "fc") or int(document["side"]) % 16:
            raise ValueError(f"head {document['head']}, side {document['side']}")
        return About(
            int(document["side"]),
            str(document["image_encoder"]),
            str(document["text_encoder"]),
            document["head"],
            tuple(str(name) for name in document["ablation"]),
            str(document["source"]),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path}: no weights of gaze-predict ({error}).", hint=_HINT) from error


def build_network(
    about: About, *, trusts_code: bool = False, for_training: bool = False
) -> tuple[GemNetwork, TextTokenizer]:
    """Return a network as it is described, and its tokenizer; encoders that are not embedded are read from their files.

    Parameters
    ----------
    about
        The description.
    trusts_code
        Whether code that a model of a hub brings along may run.
    for_training
        Whether it has the parts that only training uses.
    """
    from dataclasses import replace

    from vision_cli.gaze_predict.networks.building import build_clip_rn50, build_embedded
    from vision_cli.gaze_predict.pipeline.encoders import open_image_encoder, open_text_encoder
    from vision_cli.gaze_predict.text.tokenizer import Tokenizer

    ablation = ablation_of(about.ablation)
    if not for_training:
        ablation = replace(ablation, graph=False, matching=False)
    if (about.image_encoder, about.text_encoder) == ("embedded", "embedded"):
        tokenizer = Tokenizer.default()
        return build_embedded(tokenizer.rows, head=about.head, ablation=ablation), tokenizer
    image = open_image_encoder(about.image_encoder, trusts_code=trusts_code)
    text, own = open_text_encoder(about.text_encoder, trusts_code=trusts_code)
    return build_clip_rn50(image, text, pooling=2, head=about.head, ablation=ablation), own  # type: ignore[arg-type]


def read_network(path: Path, *, device: str = "cpu", trusts_code: bool = False) -> LoadedGaze:
    """Return the network of a file.

    Raises
    ------
    InputError
        If the file is damaged, holds numbers that are not finite, or is of another network than it says.
    MissingError
        If an encoder that it was trained on is not found.
    """
    from safetensors.torch import load_file

    about = read_about(path)
    network, tokenizer = build_network(about, trusts_code=trusts_code)
    load_tensors(network, load_file(path), path, hint=_HINT)
    return LoadedGaze(network.eval().requires_grad_(False).to(device), tokenizer, about, sha256(path))


def ablation_of(names: tuple[str, ...]) -> Ablation:
    """Return which parts are left out; names are those of `vision_cli.gaze_predict.options.ABLATIONS`."""
    from vision_cli.gaze_predict.networks.gem import Ablation

    return Ablation(**{name: name not in names for name in vars(Ablation())})
